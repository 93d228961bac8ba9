"""The versions of a contract: activation, amendments of treatment 1 and 2, renewal, cancellation.

Invariant: the accounting dates of a contract's versions rise strictly with the version, so that no amendment
overlaps a later one; what is added at treatment 1 costs exactly its SSP, what is modified at treatment 2 never
takes the price of what remains below zero.
"""

from __future__ import annotations

from fractions import Fraction
from math import floor

from tieout.avro.events import (
    ContractActivated,
    ContractAmended,
    ContractCancelled,
    ContractRenewed,
    Day,
    LineChange,
    Minor,
    SspNow,
)
from tieout.streams.operate.generate.billing import credit, invoice
from tieout.streams.operate.generate.calendar import (
    add_months,
    is_month_start,
    month_end,
    month_number,
    month_start,
)
from tieout.streams.operate.generate.promises import add_promise, fixed_price, list_price, share_left
from tieout.streams.operate.generate.sketch import Promise, Sketch


def activate(sketch: Sketch) -> None:
    """Version 1, recorded a few days before its start."""
    at = sketch.start
    envelope = sketch.envelope("contract_activated", sketch.contract_id, 1, at, at)
    approved = at - sketch.rng.randint(0, 20)
    sketch.tell(
        at,
        ContractActivated(
            envelope=envelope,
            customer_id=sketch.customer_id,
            bill_to_id=sketch.bill_to_id,
            currency=sketch.currency,
            approved_date=approved,
            start_date=at,
            end_date=sketch.end,
            price_minor=fixed_price(sketch.promises),
            lines=tuple(promise.line() for promise in sketch.promises),
            bundles=(),
            combine_with=None,
            terminable=None,
        ),
    )


def amendment(
    sketch: Sketch,
    at: Day,
    *,
    effective: Day,
    approved: Day | None,
    price_change: Minor,
    add: tuple[Promise, ...] = (),
    change: tuple[LineChange, ...] = (),
    remove: tuple[str, ...] = (),
    ssp: tuple[SspNow, ...] = (),
) -> ContractAmended:
    """The next version of the contract, not yet told."""
    sketch.version += 1
    return ContractAmended(
        envelope=sketch.envelope("contract_amended", sketch.contract_id, sketch.version, effective, at),
        base_version=sketch.version - 1,
        currency=sketch.currency,
        approved_date=approved,
        price_change_minor=price_change,
        add=tuple(promise.line() for promise in add),
        change=change,
        remove=remove,
        ssp=ssp,
        past_credit_minor=0,
        distinct=None,
        price_status="fixed",
        price_estimate_minor=None,
        enforceable=True,
        actions=(),
        reason=None,
    )


def separate_day(sketch: Sketch) -> Day | None:
    """The first of a month inside the term, two months before its end at least."""
    first, last = month_number(sketch.start) + 1, month_number(min(sketch.end, sketch.last_day)) - 1
    return month_start(sketch.rng.randint(first, last)) if first <= last else None


def amend_separately(sketch: Sketch, at: Day) -> None:
    """Treatment 1: one or two distinct lines at SSP, from the first of a month to the end of a month."""
    last = month_end(month_number(sketch.end + 1) - 1)
    added = []
    for _ in range(sketch.rng.choice((1, 1, 2))):
        measure = sketch.rng.choice(("time", "time", "point", "units"))
        added.append(
            add_promise(sketch, measure, version=sketch.version + 1, first=at, last=last, separate=True)
        )
    price = fixed_price(added)
    approved = at - sketch.rng.randint(0, 10)
    event = amendment(sketch, at, effective=at, approved=approved, price_change=price, add=tuple(added))
    sketch.tell(at, event)
    invoice(sketch, at, [(promise.po, promise.price) for promise in added], about=sketch.version)


def amend_prospectively(sketch: Sketch, at: Day, *, ssp_now: bool) -> None:
    """Treatment 2, with a fitting document: an invoice for more, a settling memo (mostly) for less."""
    rng = sketch.rng
    effective = max(sketch.start + 1, at - rng.randint(5, 40)) if sketch.chance(sketch.mix.backdated) else at
    approved = at if effective < at else at - rng.randint(0, 8)
    running = [each for each in sketch.timed() if each.first < at and each.last > at + 15]
    kinds = ["more", "fewer", "price", "extend", "remove"]
    if not any(each.separate for each in sketch.promises):
        kinds += ["add", "add"]  # beside a separate contract nobody could say to which one a line is added
    kind = rng.choice(kinds)
    if kind == "add":
        added = _discounted(sketch, effective)
        price = fixed_price(added)
        event = amendment(
            sketch,
            at,
            effective=effective,
            approved=approved,
            price_change=price,
            add=tuple(added),
            ssp=_current_ssp(running) if ssp_now else (),
        )
        billed_po = added[0].po
    else:
        target = rng.choice(running)
        change, removed, price = _change(sketch, kind, target, at, len(running))
        event = amendment(
            sketch,
            at,
            effective=effective,
            approved=approved,
            price_change=price,
            change=change,
            remove=removed,
            ssp=() if removed or not ssp_now else _current_ssp(running),
        )
        billed_po = target.po
    sketch.tell(at, event)
    if price > 0:
        invoice(sketch, at + rng.randint(0, 5), [(billed_po, price)], about=sketch.version)
    elif price < 0 and sketch.chance(0.5):
        settle(sketch, at + rng.randint(0, 20), billed_po, -price)


def _current_ssp(running: list[Promise]) -> tuple[SspNow, ...]:
    return tuple(SspNow(po=each.po, ssp_minor=each.rate * 105 // 100) for each in running)


def _discounted(sketch: Sketch, effective: Day) -> list[Promise]:
    """One or two lines, the first below SSP: so the amendment is not a separate contract."""
    version = sketch.version + 1
    measure = sketch.rng.choice(("time", "time", "time", "point"))
    first = add_promise(sketch, measure, version=version, first=effective, last=sketch.end)
    first.price = floor(list_price(first) * sketch.rng.randint(65, 92) / 100)
    if sketch.chance(0.75):
        return [first]
    second = add_promise(sketch, "point", version=version, first=effective, last=sketch.end)
    return [first, second]


def _change(
    sketch: Sketch, kind: str, target: Promise, at: Day, running: int
) -> tuple[tuple[LineChange, ...], tuple[str, ...], Minor]:
    """(changes, removed, stated price change) of one running time line."""
    rng = sketch.rng
    left = share_left(target, at - 1)
    rest = target.price * left
    if kind == "more":
        extra = rng.randint(1, max(1, target.quantity // 2))
        price = floor(list_price(target) * left * extra / target.quantity * rng.randint(60, 92) / 100)
        target.quantity += extra
        change = LineChange(po=target.po, quantity=target.quantity, price_change_minor=price)
    elif kind == "fewer" and target.quantity > 1:
        less = rng.randint(1, max(1, target.quantity // 3))
        price = -floor(rest * less / target.quantity * rng.randint(40, 80) / 100)
        target.quantity -= less
        change = LineChange(po=target.po, quantity=target.quantity, price_change_minor=price)
    elif kind == "extend":
        months = rng.randint(1, 6)
        per_day = Fraction(target.price, target.last - target.first + 1)
        price = floor(per_day * months * 30 * rng.randint(70, 95) / 100)
        target.last = add_months(target.last + 1, months) - 1
        sketch.end = max(sketch.end, target.last)
        change = LineChange(po=target.po, to_date=target.last, price_change_minor=price)
    elif kind == "remove" and running > 1:
        target.last = at - 1
        return (), (target.po,), -floor(rest * rng.randint(30, 60) / 100)
    else:
        price = floor(rest * rng.choice((-15, -8, -3, 4, 7, 12)) / 100)
        change = LineChange(po=target.po, price_change_minor=price)
    return (change,), (), price


def renew(sketch: Sketch) -> None:
    """A new term at SSP after the old one, signed before it starts."""
    if not (sketch.timed() and is_month_start(sketch.start) and is_month_start(sketch.end + 1)):
        return
    rng, first = sketch.rng, sketch.end + 1
    signed = max(first - rng.randint(15, 60), sketch.start + 5)
    if signed > sketch.last_day:
        return
    sketch.version += 1
    months = rng.choice((3, 6, 12))
    last = add_months(first, months) - 1
    renewed = [
        Promise(
            po=f"{each.po}R",
            product=each.product,
            version=sketch.version,
            first=first,
            last=last,
            quantity=each.quantity,
            scale=each.scale,
            rate=each.rate,
            price=0,
            separate=True,
        )
        for each in sketch.timed()
    ]
    for promise in renewed:
        promise.price = int(list_price(promise))
    envelope = sketch.envelope("contract_renewed", sketch.contract_id, sketch.version, first, signed)
    sketch.promises.extend(renewed)
    sketch.tell(
        signed,
        ContractRenewed(
            envelope=envelope,
            base_version=sketch.version - 1,
            currency=sketch.currency,
            approved_date=signed,
            end_date=last,
            price_minor=fixed_price(renewed),
            lines=tuple(promise.line() for promise in renewed),
            material_right=False,
        ),
    )
    sketch.end = last
    if first <= sketch.last_day:
        invoice(sketch, first, [(promise.po, promise.price) for promise in renewed], about=sketch.version)


def cancel(sketch: Sketch, at: Day, *, access_may_go_on: bool) -> None:
    """The contract ends at ``at``; part of what is left may be owed no longer, a fee may be due.

    A fee is kept back from what is paid back, or invoiced where nothing is: so nothing is billed over the price.
    """
    rng = sketch.rng
    access_end = None
    if access_may_go_on and sketch.chance(0.4):
        access_end = month_end(month_number(at) + rng.randint(0, 1))
        access_end = access_end if access_end < min(each.last for each in sketch.timed()) else None
    rest = sum(each.price * share_left(each, access_end or at) for each in sketch.timed())
    given_up = floor(rest * rng.choice((0, 10, 20, 30)) / 100)
    fee = rng.randint(1, 40) * 500 if sketch.chance(0.2) else 0
    fee = min(fee, given_up) or fee
    sketch.version += 1
    sketch.tell(
        at,
        ContractCancelled(
            envelope=sketch.envelope("contract_cancelled", sketch.contract_id, sketch.version, at, at),
            base_version=sketch.version - 1,
            currency=sketch.currency,
            approved_date=at - rng.randint(0, 10),
            access_end_date=access_end,
            price_change_minor=-given_up,
            fee_minor=fee,
            reason="customer",
        ),
    )
    po = max(sketch.timed(), key=lambda each: (each.last, each.po)).po
    if fee and not given_up:
        invoice(sketch, at + rng.randint(1, 15), [(po, fee)], about=sketch.version)
    elif given_up > fee and sketch.chance(0.5):
        settle(sketch, at + rng.randint(0, 25), po, given_up - fee)


def settle(sketch: Sketch, at: Day, po: str, amount: Minor) -> None:
    """The memo that pays back what the latest version took from the price: due moves, the price has moved."""
    version = sketch.version
    credit(sketch, at, po, amount, "settles_modification", version=version, about=version)
