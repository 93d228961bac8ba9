"""What the accepted events of one contract say, sorted into arrangements: promises, price, evidence, documents, cash.

Invariant: arrival plays no part. Every fact has one date, from which on it counts; the versions of an arrangement
stand in the order of their dates. A treatment is worked out here from the version's own content.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from fractions import Fraction

from oracle.arithmetic import service

from tieout.avro import events as said

VersionEvent = said.ContractActivated | said.ContractAmended | said.ContractRenewed | said.ContractCancelled
"""The versions that generated streams have."""
PERFORMED = {"concession_past", "sla_credit", "implicit_concession"}
TO_THE_VERSION = {"refund_proportional", "rebate", "consideration_payable"}
PRICE_ONLY = {"future_discount"}
NO_PRICE = {"billing_error", "rebill", "tax_only", "duplicate", "settles_modification"}


@dataclass(frozen=True)
class Obligation:
    """A promise as a version states it. ``quantity`` is exact; ``ssp`` is per ``ssp_per``."""

    po: str
    measure: str
    first: int | None
    last: int | None
    quantity: Fraction
    ssp: int
    ssp_per: str
    convention: str | None
    meter: str | None

    @classmethod
    def of(cls, line: said.Line) -> "Obligation":
        return cls(
            po=line.po,
            measure=line.measure,
            first=line.from_date,
            last=line.to_date,
            quantity=Fraction(line.quantity, 10**line.quantity_scale),
            ssp=1 if line.ssp_minor is None else line.ssp_minor,
            ssp_per=line.ssp_per,
            convention=line.convention,
            meter=line.meter,
        )

    def changed(self, change: said.LineChange) -> "Obligation":
        """The same promise with another quantity or span."""
        quantity = self.quantity
        if change.quantity is not None:
            quantity = Fraction(change.quantity, 10**change.quantity_scale)
        return replace(
            self,
            quantity=quantity,
            first=self.first if change.from_date is None else change.from_date,
            last=self.last if change.to_date is None else change.to_date,
        )


@dataclass(frozen=True)
class Version:
    """What changes in an arrangement at ``at``: ``price`` joins the pool of what is still to be earned.

    ``taken_back`` is the part of the price that the customer need not pay any more (a positive number).
    ``ends`` is the last day of access when the version cancels everything.
    """

    at: int
    rank: int
    number: int
    price: int
    add: tuple[Obligation, ...] = ()
    change: tuple[said.LineChange, ...] = ()
    remove: tuple[str, ...] = ()
    ssp: tuple[said.SspNow, ...] = ()
    past: int = 0
    ends: int | None = None
    taken_back: int = 0


ACTIVATE, RENEW, AMEND, CANCEL = 1, 2, 3, 5
"""Rank of a version's kind among versions of the same day."""


@dataclass(frozen=True)
class Dated:
    """An amount that counts from ``at`` on; ``name`` is the document or the promise it belongs to."""

    at: int
    name: str
    amount: Fraction


@dataclass(frozen=True)
class Delivery:
    """So many units of a promise were delivered on ``at``; None: all of it."""

    at: int
    po: str
    quantity: Fraction | None


@dataclass
class Arrangement:
    """One unit of allocation and netting (ASC 606's contract)."""

    id: str
    versions: list[Version]
    deliveries: list[Delivery] = field(default_factory=list)
    usage: list[Dated] = field(default_factory=list)
    reductions: list[Dated] = field(default_factory=list)
    """Price effects of credits that reach the version in force: negative, by the day they count from."""
    concessions: list[Dated] = field(default_factory=list)
    """Price effects on what has been performed: negative."""
    billed: list[Dated] = field(default_factory=list)
    advances: list[Dated] = field(default_factory=list)

    def knows(self, po: str | None) -> bool:
        return any(each.po == po for version in self.versions for each in version.add)

    def measures(self, meter: str) -> str | None:
        """The promise that this meter feeds."""
        lines = (each for version in self.versions for each in version.add)
        return next((each.po for each in lines if each.meter == meter), None)


def accounting_date(version: said.ContractAmended | said.ContractCancelled) -> int:
    """The later of approval and effect."""
    assert version.approved_date is not None, "a version that is not approved is not accepted"
    return max(version.approved_date, version.envelope.effective_date)


def full_ssp(promise: Obligation) -> Fraction:
    """SSP of the whole promise: per unit of time or goods, times how much of it."""
    if promise.ssp_per == "whole":
        return Fraction(promise.ssp)
    if promise.ssp_per == "unit":
        return promise.ssp * promise.quantity
    convention = "days" if promise.ssp_per == "day" else None
    return promise.ssp * promise.quantity * service(promise.first, promise.last, convention)


def is_separate(event: said.ContractAmended) -> bool:
    """Treatment 1: only adds lines, each of them at its SSP to the unit (606-10-25-12)."""
    if not event.add or event.change or event.remove or event.past_credit_minor:
        return False
    at_ssp = all(line.price_minor == full_ssp(Obligation.of(line)) for line in event.add)
    return at_ssp and event.price_change_minor == sum(line.price_minor or 0 for line in event.add)


def arrangements_of(accepted: Iterable[said.Event]) -> list[Arrangement]:
    """Sort one contract's accepted events into its arrangements."""
    events = list(accepted)
    found: list[Arrangement] = []
    for event in sorted((e for e in events if isinstance(e, VersionEvent)), key=_version_number):
        _take_version(found, event)
    for event in events:
        _take_fact(found, event)
    _take_cash(found, events)
    for arrangement in found:
        arrangement.versions.sort(key=lambda each: (each.at, each.rank, each.number))
    return found


def _version_number(event: VersionEvent) -> int:
    return event.envelope.object_version


def _take_version(found: list[Arrangement], event: VersionEvent) -> None:
    number = event.envelope.object_version
    new_id = f"{event.envelope.contract_id}@{number}"
    match event:
        case said.ContractActivated() | said.ContractRenewed():
            at, rank = event.envelope.effective_date, ACTIVATE if number == 1 else RENEW
            add = tuple(map(Obligation.of, event.lines))
            found.append(Arrangement(new_id, [Version(at, rank, number, event.price_minor, add)]))
        case said.ContractAmended():
            at, add = accounting_date(event), tuple(map(Obligation.of, event.add))
            if is_separate(event):
                found.append(Arrangement(new_id, [Version(at, AMEND, number, event.price_change_minor, add)]))
                return
            touched = [change.po for change in event.change] + list(event.remove)
            home = next((each for each in found if touched and each.knows(touched[0])), found[0])
            home.versions.append(
                Version(
                    at=at,
                    rank=AMEND,
                    number=number,
                    price=event.price_change_minor + event.past_credit_minor,
                    add=add,
                    change=event.change,
                    remove=event.remove,
                    ssp=event.ssp,
                    past=-event.past_credit_minor,
                    taken_back=max(0, -event.price_change_minor),
                )
            )
        case said.ContractCancelled():
            at = accounting_date(event)
            price = event.price_change_minor + event.fee_minor
            ends = at - 1 if event.access_end_date is None else event.access_end_date
            assert len(found) == 1, "which arrangement a cancellation reaches is not decided for several"
            found[0].versions.append(Version(at, CANCEL, number, price, ends=ends, taken_back=max(0, -price)))


def _take_fact(found: list[Arrangement], event: said.Event) -> None:
    at, name = event.envelope.effective_date, event.envelope.object_id
    match event:
        case said.GoodsDelivered():
            parts = None if event.quantity is None else Fraction(event.quantity, 10**event.quantity_scale)
            _home(found, event.po).deliveries.append(Delivery(at, event.po, parts))
        case said.UsageRated():
            home = next(each for each in found if each.measures(event.meter) is not None)
            po = home.measures(event.meter)
            home.usage.append(Dated(event.usage_to, po, Fraction(event.amount_minor)))
        case said.InvoicePosted():
            for line in event.lines:
                _home(found, line.po).billed.append(Dated(at, name, Fraction(line.amount_minor)))
        case said.CreditMemoIssued():
            _take_credit(found, event)
        case _:
            pass


def _take_credit(found: list[Arrangement], event: said.CreditMemoIssued) -> None:
    """Due moves (but for ``tax_only``); the price moves as the reason says, and waits without a reason."""
    at, name, reason = event.envelope.effective_date, event.memo_number, event.reason
    for line in event.lines:
        home = _home(found, line.po)
        amount = Fraction(-line.amount_minor)
        if reason != "tax_only":
            home.billed.append(Dated(at, name, amount))
        if reason in PERFORMED:
            home.concessions.append(Dated(at, name, amount))
        elif reason in TO_THE_VERSION:
            home.reductions.append(Dated(at, name, amount))
        elif reason in PRICE_ONLY:
            taken = line.amount_minor
            home.versions.append(Version(at, AMEND, 10**6, -taken, taken_back=taken))
        else:
            assert reason in NO_PRICE or reason is None, f"the oracle knows no effect of {reason}"


def _home(found: list[Arrangement], po: str | None) -> Arrangement:
    """The arrangement that made this promise; without a promise the contract's first one."""
    if po is None:
        return found[0]
    return next(each for each in found if each.knows(po))


def _take_cash(found: list[Arrangement], events: list[said.Event]) -> None:
    """Cash settles what is open on its day, gross; the rest is an advance, for good (Example 38).

    It settles the invoice that it names, or else all that is open. An invoice that was credited after it was paid
    is not open, and takes nothing away from the others.
    """
    documents = [e for e in events if isinstance(e, said.InvoicePosted | said.CreditMemoIssued)]
    payments = [e for e in events if isinstance(e, said.PaymentReceived)]
    paid: Counter[str | None] = Counter()
    for cash in sorted(payments, key=lambda each: (each.envelope.effective_date, each.envelope.object_id)):
        owed = _owed(documents, cash.envelope.effective_date)
        left = cash.amount_minor
        for number, (_, gross) in sorted(owed.items(), key=lambda item: item[1]):
            if cash.invoice_number in {None, number}:
                applied = min(left, max(0, gross - paid[number]))
                paid[number] += applied
                left -= applied
        if left:
            found[0].advances.append(
                Dated(cash.envelope.effective_date, cash.envelope.object_id, Fraction(left))
            )


def _owed(documents: list[said.Event], day: int) -> dict[str, tuple[int, int]]:
    """Invoice number -> (due date, gross amount less its credits) of what was posted until ``day``."""
    known = [each for each in documents if each.envelope.effective_date <= day]
    credited: Counter[str | None] = Counter()
    for each in known:
        if isinstance(each, said.CreditMemoIssued):
            credited[each.invoice_number] += each.amount_minor + each.tax_minor
    return {
        each.invoice_number: (
            each.due_date,
            each.amount_minor + each.tax_minor - credited[each.invoice_number],
        )
        for each in known
        if isinstance(each, said.InvoicePosted)
    }
