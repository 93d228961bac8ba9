"""The versions of one Zuora subscription as contract events.

A version says what the subscription is after an amendment; what the amendment did is the difference of the charges'
total contract value between two versions. Invariant: a version is an event only if all before it were, so the agent
never sees a hole that this mapping made; the row at fault carries the reason, the others of its version name it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from tieout.agents.sources.canonical_json import from_json, to_json
from tieout.agents.sources.zuora_envelope import Source, hashed
from tieout.agents.sources.zuora_rows import Amendment, Charge, RowId, Subscription
from tieout.avro.events import (
    ContractActivated,
    ContractAmended,
    ContractCancelled,
    ContractRenewed,
    Event,
    Line,
    LineChange,
)

_WAITING = frozenset({"Draft", "Pending Activation", "Pending Acceptance"})
_PRODUCT_CHANGES = frozenset({"NewProduct", "RemoveProduct", "UpdateProduct"})
_MEASURES: Mapping[str, str] = {"Recurring": "time", "Usage": "amount"}
"""Charge type -> measure. One-time charges are left out: the export does not say when they were delivered."""


class FaultError(Exception):
    """A version, or an invoice, cannot be an event: the row at fault, a reason of REASONS, the detail."""

    def __init__(self, row: RowId, reason: str, detail: str) -> None:
        super().__init__(f"{row.table} {row.id}: {reason}: {detail}")
        self.row = row
        self.reason = reason
        self.detail = detail


def check(event: Event, row: RowId) -> None:
    """Hold an event to the bounds of the language, as any stated event is. Raises FaultError naming ``row``."""
    try:
        from_json(to_json(event))
    except ValueError as fault:
        raise FaultError(row, "ROW_UNREADABLE", str(fault)) from None


@dataclass(frozen=True, slots=True)
class Promise:
    """All segments of one charge number in one version."""

    number: str
    product: str
    kind: str
    quantity: int
    first: int
    last: int
    total_minor: int


@dataclass(slots=True)
class Contract:
    """What the accepted versions of a subscription have built up. ``terms`` are (first day, version)."""

    name: str
    currency: str = ""
    terms: list[tuple[int, int]] = field(default_factory=list)
    promises: dict[str, Promise] = field(default_factory=dict)
    charges: dict[str, Charge] = field(default_factory=dict)
    subscriptions: set[str] = field(default_factory=set)

    def po(self, number: str, day: int) -> str:
        """Obligation of a charge on a day: each term after the first has obligations of its own."""
        later = [version for first, version in self.terms[1:] if first <= day]
        return f"{number}@{later[-1]}" if later else number


@dataclass(frozen=True, slots=True)
class VersionRows:
    """One version with the rows that belong to it."""

    subscription: Subscription
    amendment: Amendment | None
    charges: tuple[Charge, ...]

    def rows(self) -> tuple[RowId, ...]:
        """All of them."""
        amended = () if self.amendment is None else (self.amendment.row,)
        return (self.subscription.row, *amended, *(charge.row for charge in self.charges))


def event_of(
    version: VersionRows, contract: Contract, previous: Subscription | None, source: Source
) -> Event:
    """The event of one version; ``contract`` grows by it. ``previous`` is the version before it.

    Raises FaultError and leaves ``contract`` as it was.
    """
    subscription = version.subscription
    if not subscription.account:
        raise FaultError(subscription.row, "CUSTOMER_MISSING", "account_id is empty")
    if subscription.status in _WAITING:
        raise FaultError(subscription.row, "NOT_ACTIVE", f"its status is {subscription.status}")
    if subscription.last is None:
        raise FaultError(subscription.row, "TERM_OPEN_ENDED", "term_end_date is empty")
    expected = ("", 1) if previous is None else (previous.id, previous.version + 1)
    if (subscription.previous, subscription.version) != expected:
        raise FaultError(
            subscription.row, "PREVIOUS_VERSION_MISSING", "the version before it is not exported"
        )
    promises = _promises(version)
    if previous is None:
        event: Event = _activated(version, promises, source)
    else:
        event = _changed(version, contract, promises, source)
    check(event, subscription.row)
    if isinstance(event, ContractActivated | ContractRenewed):
        contract.terms.append((event.envelope.effective_date, subscription.version))
    contract.currency = version.charges[0].currency
    contract.promises = promises
    contract.charges |= {charge.id: charge for charge in version.charges}
    contract.subscriptions.add(subscription.id)
    return hashed(event)


def _promises(version: VersionRows) -> dict[str, Promise]:
    subscription, charges = version.subscription, version.charges
    if not charges:
        raise FaultError(subscription.row, "CHARGES_MISSING", "no charge of this version is exported")
    segments: dict[str, list[Charge]] = {}
    for charge in charges:
        if charge.kind not in _MEASURES:
            raise FaultError(charge.row, "CHARGE_UNSUPPORTED", f"charge type {charge.kind}")
        if charge.currency != charges[0].currency:
            raise FaultError(charge.row, "CURRENCY_MIXED", f"{charge.currency} beside {charges[0].currency}")
        segments.setdefault(charge.number, []).append(charge)
    return {number: _promise(number, of_number) for number, of_number in sorted(segments.items())}


def _promise(number: str, segments: list[Charge]) -> Promise:
    segments = sorted(segments, key=lambda charge: charge.segment)
    newest = segments[-1]
    spans = [(charge.first, charge.last) for charge in segments]
    if any(first is None or last is None or last < first for first, last in spans):
        raise FaultError(newest.row, "DATES_INVALID", "its effective dates are missing or reversed")
    return Promise(
        number=number,
        product=newest.product,
        kind=newest.kind,
        quantity=newest.quantity,
        first=min(first for first, _ in spans if first is not None),
        last=max(last for _, last in spans if last is not None),
        total_minor=sum(charge.total_minor for charge in segments),
    )


def _line(promise: Promise, po: str, first: int, price_minor: int, source: Source) -> Line:
    if promise.kind == "Usage":
        return Line(
            po=po, product=promise.product, measure="amount", from_date=first, to_date=promise.last, meter=po
        )
    return Line(
        po=po,
        product=promise.product,
        measure="time",
        from_date=first,
        to_date=promise.last,
        quantity=promise.quantity,
        ssp_minor=price_minor if source.price_is_ssp else None,
        price_minor=price_minor,
        distinct=True,
    )


def _total(promises: Iterable[Promise]) -> int:
    return sum(promise.total_minor for promise in promises)


def _activated(version: VersionRows, promises: dict[str, Promise], source: Source) -> ContractActivated:
    subscription = version.subscription
    first, last = subscription.first, subscription.last
    if first is None or last is None or last < first:
        raise FaultError(subscription.row, "DATES_INVALID", "its term starts nowhere, or after its end")
    return ContractActivated(
        envelope=source.contract(subscription, "contract_activated", first),
        customer_id=subscription.account,
        bill_to_id=subscription.bill_to or None,
        currency=version.charges[0].currency,
        approved_date=subscription.accepted or first,
        start_date=first,
        end_date=last,
        price_minor=_total(promises.values()),
        lines=tuple(
            _line(each, each.number, each.first, each.total_minor, source) for each in promises.values()
        ),
        bundles=(),
        combine_with=None,
        terminable=None,
    )


def _changed(version: VersionRows, contract: Contract, promises: dict[str, Promise], source: Source) -> Event:
    amendment, subscription = version.amendment, version.subscription
    if amendment is None:
        raise FaultError(subscription.row, "AMENDMENT_MISSING", "the amendment that made it is not exported")
    if amendment.status != "Completed":
        raise FaultError(amendment.row, "NOT_ACTIVE", f"its status is {amendment.status}")
    if version.charges[0].currency != contract.currency:
        raise FaultError(version.charges[0].row, "CURRENCY_MIXED", f"the contract is in {contract.currency}")
    if amendment.kind == "Renewal":
        return _renewed(version, amendment, contract, promises, source)
    if amendment.effective is None:
        raise FaultError(amendment.row, "DATES_INVALID", "contract_effective_date is empty")
    if amendment.kind == "Cancellation":
        return _cancelled(version, amendment, contract, promises, source)
    if amendment.kind in _PRODUCT_CHANGES:
        return _amended(version, amendment, contract, promises, source)
    raise FaultError(amendment.row, "AMENDMENT_UNSUPPORTED", f"amendment type {amendment.kind}")


def _renewed(
    version: VersionRows,
    amendment: Amendment,
    contract: Contract,
    promises: dict[str, Promise],
    source: Source,
) -> ContractRenewed:
    subscription = version.subscription
    first, last = subscription.term_first, subscription.last
    if first is None or last is None or last < first:
        raise FaultError(subscription.row, "DATES_INVALID", "its new term starts nowhere, or after its end")
    before = contract.promises
    lines = []
    for number, promise in promises.items():
        old = before.get(number)
        if old is None or promise.last > old.last:
            price = promise.total_minor - (old.total_minor if old else 0)
            lines.append(
                _line(promise, f"{number}@{subscription.version}", max(first, promise.first), price, source)
            )
    if not lines:
        raise FaultError(subscription.row, "CHARGES_MISSING", "no charge reaches into the new term")
    return ContractRenewed(
        envelope=source.contract(subscription, "contract_renewed", first, contract.name),
        base_version=subscription.version - 1,
        currency=contract.currency,
        approved_date=amendment.booked,
        end_date=last,
        price_minor=_total(promises.values()) - _total(before.values()),
        lines=tuple(lines),
        material_right=False,
    )


def _amended(
    version: VersionRows,
    amendment: Amendment,
    contract: Contract,
    promises: dict[str, Promise],
    source: Source,
) -> ContractAmended:
    subscription, before = version.subscription, contract.promises
    effective = amendment.effective or 0
    added = [promise for number, promise in promises.items() if number not in before]
    changes = [
        _change(before[number], promise, contract.po(number, effective))
        for number, promise in promises.items()
        if number in before and promise != before[number]
    ]
    return ContractAmended(
        envelope=source.contract(subscription, "contract_amended", effective, contract.name),
        base_version=subscription.version - 1,
        currency=contract.currency,
        approved_date=amendment.booked,
        price_change_minor=_total(promises.values()) - _total(before.values()),
        add=tuple(
            _line(each, contract.po(each.number, effective), each.first, each.total_minor, source)
            for each in added
        ),
        change=tuple(changes),
        remove=tuple(contract.po(number, effective) for number in before if number not in promises),
        ssp=(),
        past_credit_minor=0,
        distinct=None,
        price_status="fixed",
        price_estimate_minor=None,
        enforceable=True,
        actions=(),
        reason=amendment.kind,
    )


def _change(old: Promise, new: Promise, po: str) -> LineChange:
    difference = new.total_minor - old.total_minor
    return LineChange(
        po=po,
        quantity=new.quantity if new.quantity != old.quantity else None,
        to_date=new.last if new.last != old.last else None,
        price_change_minor=difference or None,
    )


def _cancelled(
    version: VersionRows,
    amendment: Amendment,
    contract: Contract,
    promises: dict[str, Promise],
    source: Source,
) -> ContractCancelled:
    subscription = version.subscription
    effective = subscription.cancelled or amendment.effective or 0
    return ContractCancelled(
        envelope=source.contract(subscription, "contract_cancelled", effective, contract.name),
        base_version=subscription.version - 1,
        currency=contract.currency,
        approved_date=amendment.booked,
        access_end_date=effective - 1,
        price_change_minor=_total(promises.values()) - _total(contract.promises.values()),
        fee_minor=0,
        reason=None,
    )
