"""An obligation while its arrangement is folded: its promise as changed so far, and its share of the price.

Invariant: a promise changes by the versions that name it, in canonical order; a share that begins anew goes on from
where its measure stands, so that nothing is earned twice (606-10-25-13(a)).
"""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace

from tieout.agents.accounting.allocation import Weight
from tieout.agents.accounting.progress import begun, micro
from tieout.agents.accounting.service_time import MONTHS_EVEN
from tieout.agents.accounting.vendor_rounding import CUMULATIVE
from tieout.avro.events import Day, Minor
from tieout.tables.derived import Performance
from tieout.tables.facts import Change, Item
from tieout.tables.layers import Share


class Standing(Struct, frozen=True, gc=False):
    """A promise, its share, its current SSP, and the quantity that the SSP was stated for."""

    item: Item
    share: Share
    ssp: Weight | None
    stated: Weight


def changed(item: Item, change: Change) -> Item:
    """The promise with one field (qty, first, last) changed."""
    assert change.field in ("qty", "first", "last"), change
    return replace(item, **{change.field: change.value})


def at_once(standing: Standing, amount: Minor) -> Standing:
    """The promise with so much more, or less, that is revenue now, whatever its measure says."""
    return replace(standing, share=replace(standing.share, base=standing.share.base + amount))


def is_distinct(item: Item) -> bool:
    """Whether what remains of the promise is distinct from what was transferred (606-10-25-13, 25-14).

    Stated on the line; else work measured by cost or percent is one thing being made, everything else is a series.
    """
    stated = item.special.distinct if item.special is not None else None
    return stated if stated is not None else item.measure not in ("cost", "percent")


def later(day: Day | None, other: Day) -> Day:
    """The later day; ``day`` may be open."""
    return other if day is None or day < other else day


def blank(item: Item, at: Day) -> Share:
    """The share of a promise that begins on a day, before any price is allocated to it."""
    special = item.special
    quantity = 0 if item.measure == "cost" else micro(item.qty, item.qty_scale)
    last = item.last if item.last is not None else at
    share = Share(item.po, item.measure, item.convention, 0, 0, later(item.first, at), last, 0, quantity)
    if item.convention == MONTHS_EVEN and item.first is not None and item.first < share.first:
        share = replace(share, served_from=item.first)
    if special is None:
        return share
    rounding = "" if special.schedule_rounding == CUMULATIVE else special.schedule_rounding
    return replace(
        share,
        gate=special.gate,
        uninstalled=special.uninstalled,
        digits=special.progress_digits,
        rounding=rounding,
    )


def renewed(standing: Standing, done: Performance, at: Day) -> Share:
    """The share from a version on that re-bases it: its promise as it is now, its measure from where it stands."""
    item, before = standing.item, standing.share
    share = blank(item, at)
    share = replace(share, base=before.base, amount=before.amount, pauses=before.pauses)
    begins, quantity = begun(share, done, at - 1)
    return replace(share, done=begins, qty=quantity)


def restated(standing: Standing, at: Day) -> Share:
    """The share with its promise as it is now at ``at``, counted from where it began (606-10-25-13(b)).

    One that has not begun may begin earlier or later than was promised; one that has, later.
    """
    item, share = standing.item, standing.share
    fresh = blank(item, min(share.first, at))
    last = share.last if item.last is None else fresh.last
    quantity = share.qty if share.measure == "cost" else fresh.qty
    return replace(share, first=fresh.first, last=last, qty=quantity)
