"""Evidence of performance: deliveries, rated usage, milestones.

Invariant: never more is delivered than was promised, a delivery names a promise that was made by then, and usage
lies within the term and ends on the day that dates its revenue.
"""

from __future__ import annotations

from tieout.avro.events import Day, GoodsDelivered, MilestoneCompleted, Minor, UsageRated
from tieout.streams.operate.generate.billing import invoice
from tieout.streams.operate.generate.sketch import Promise, Sketch

BILLED_ONE_BY_ONE = 12
"""Up to so many usages may have an invoice of their own; more are billed elsewhere (and stay unbilled here)."""


def deliver_all(sketch: Sketch, until: Day) -> None:
    """Deliver most of what is delivered at points in time or by units, from the day it was promised on."""
    for promise in sketch.promises:
        if promise.product.measure == "point" and sketch.chance(0.85):
            at = promise.first + sketch.rng.randint(1, 90)
            if sketch.chance(0.4) and at - 1 <= min(until, sketch.last_day):
                complete_milestone(sketch, promise, at - 1)
            deliver(sketch, promise, at, None, until)
        elif promise.product.measure == "units":
            _deliver_parts(sketch, promise, until)


def _deliver_parts(sketch: Sketch, promise: Promise, until: Day) -> None:
    parts = min(sketch.rng.choice((1, 2, 3, 4, 6)), promise.quantity)
    at, sent = promise.first, 0
    for part in range(1, parts + 1):
        at += sketch.rng.randint(2, 40)
        quantity = promise.quantity * part // parts - sent
        sent += quantity
        if part == parts and sketch.chance(0.2):
            return
        deliver(sketch, promise, at, quantity, until)


def deliver(sketch: Sketch, promise: Promise, at: Day, quantity: int | None, until: Day) -> None:
    """One delivery, if it still happens in the recorded days and before the contract ends."""
    if at > min(until, sketch.last_day):
        return
    delivery_id = f"{sketch.contract_id}-D{len(sketch.story) + 1:04}"
    sketch.tell(
        at,
        GoodsDelivered(
            envelope=sketch.envelope("goods_delivered", delivery_id, 1, at, at),
            po=promise.po,
            quantity=quantity,
            quantity_scale=promise.scale,
        ),
        about=promise.version,
    )


def complete_milestone(sketch: Sketch, promise: Promise, at: Day) -> None:
    """A milestone: it has no effect until percent of completion is a measure."""
    milestone_id = f"{sketch.contract_id}-K{len(sketch.story) + 1:04}"
    sketch.tell(
        at,
        MilestoneCompleted(
            envelope=sketch.envelope("milestone_completed", milestone_id, 1, at, at),
            po=promise.po,
            milestone="ready to deliver",
            percent_ppm=None,
        ),
        about=promise.version,
    )


def rate_usage(sketch: Sketch, promise: Promise, until: Day) -> None:
    """Rated usage of one line: how many is skewed, so that a few contracts have hundreds of events."""
    rng, mix = sketch.rng, sketch.mix
    count = min(mix.usage_max, int(rng.paretovariate(mix.usage_pareto) * 2 * mix.usage_scale))
    last = min(promise.last, until, sketch.last_day)
    days = last - promise.first + 1
    if days < 1:
        return
    for number in range(1, count + 1):
        end = promise.first + days * number // count - 1
        end = max(promise.first, end)
        begin = max(promise.first, end - rng.randint(0, 27))
        quantity = rng.randint(1, 9_000)
        amount = quantity * promise.rate
        rated(sketch, promise.meter, begin, end, quantity, amount)
        if count <= BILLED_ONE_BY_ONE and sketch.chance(0.5):
            invoice(sketch, end + rng.randint(1, 5), [(promise.po, amount)])


def rated(sketch: Sketch, meter: str, begin: Day, end: Day, quantity: int, amount: Minor) -> None:
    """One rated usage."""
    usage_id = f"{sketch.contract_id}-U{len(sketch.story) + 1:04}"
    sketch.tell(
        end,
        UsageRated(
            envelope=sketch.envelope("usage_rated", usage_id, 1, end, end),
            currency=sketch.currency,
            meter=meter,
            usage_from=begin,
            usage_to=end,
            quantity=quantity,
            quantity_scale=0,
            amount_minor=amount,
        ),
    )
