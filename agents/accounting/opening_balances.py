"""A contract that ran elsewhere: what was earned by the day before it came over stays, the rest is earned from then on.

Invariants: what was earned is as told, whatever would have been earned here; earned and still to be earned add up to the
price; of the time before nothing is known but how it ended.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec.structs import replace

from tieout.agents.accounting.allocation import allocated
from tieout.agents.accounting.modification import particulars
from tieout.agents.accounting.rounding import rounded_share
from tieout.agents.accounting.standing import Standing, renewed
from tieout.avro.events import Day, Minor
from tieout.tables.derived import NOTHING, Performance
from tieout.tables.facts import Item, Terms

OPENING = "opening"


def openings(terms: Iterable[Terms]) -> list[Terms]:
    """The versions with which contracts came over: at most one of an arrangement."""
    return [each for each in terms if each.kind == OPENING]


def is_over(item: Item, earned: Minor, share: Minor, day: Day) -> bool:
    """Whether nothing of a promise is left to transfer after the opening day, as far as what it earned tells."""
    if item.measure == "time" and item.last is not None and item.last <= day:
        return True
    return earned >= share > 0


def still_to_earn(
    items: Iterable[Item], earned: Mapping[str, Minor], shares: Mapping[str, Minor], day: Day
) -> dict[str, Minor]:
    """Promise that is not over -> its part of the price that was not earned yet.

    ``shares`` are those of the fixed price. Where what was earned is not what its shares say, what is left is split in
    proportion to what each promise has left; empty where nothing has.
    """
    left = {
        item.po: max(0, shares[item.po] - earned.get(item.po, 0))
        for item in items
        if item.measure != "amount" and not is_over(item, earned.get(item.po, 0), shares[item.po], day)
    }
    if not any(left.values()):
        return {}
    return allocated(sum(shares.values()) - sum(earned.get(po, 0) for po in shares), left)


def carried_over(
    book: dict[str, Standing], terms: Terms, fixed: Mapping[str, Minor], done: Mapping[str, Performance]
) -> None:
    """The obligations as they stand at the end of the opening day, in place; ``fixed``: shares of the fixed price.

    An estimate that reaches the first version concerns what was earned by then by its part, and the rest later (32-43).
    """
    earned = {po: amount for po, amount in particulars(terms).earned if po in book}
    items = [standing.item for standing in book.values()]
    rest = still_to_earn(items, earned, fixed, terms.at)
    for item in items:
        po, standing = item.po, book[item.po]
        variable, was = standing.share.amount - fixed[po], earned.get(po, 0)
        past = variable
        if not is_over(item, was, fixed[po], terms.at):
            past = rounded_share(variable, min(was, fixed[po]), fixed[po]) if fixed[po] else 0
        share = renewed(standing, done.get(po, NOTHING), terms.at + 1)
        share = replace(share, base=was + past, amount=rest.get(po, 0) + variable - past)
        book[po] = replace(standing, share=share)
