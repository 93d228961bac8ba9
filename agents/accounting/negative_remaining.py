"""A version that takes back more of the price than is left for what remains (606-10-25-13(a), 32-44).

What remains cannot be worth less than nothing: by policy ``negative_remaining`` a person decides (queue), or the excess is
a change of the price of what was performed, and comes off revenue at once (recognise_now). Invariants: no line falls below
nothing; a version that takes back more than was ever recognised waits for a person, whatever the policy.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from tieout.agents.accounting.allocation import allocated
from tieout.agents.accounting.policy import Policy, Switches
from tieout.agents.accounting.progress import earned
from tieout.agents.accounting.standing import Standing, at_once
from tieout.avro.events import Day, Minor
from tieout.tables.derived import NOTHING, Performance

NEGATIVE_REMAINING = "MOD_NEGATIVE_REMAINING"
_QUEUE, _NOW = "queue", "recognise_now"


def takes_back(policy: Policy) -> bool:
    """What is pinned of the choice with each promise."""
    return policy.negative_remaining == _NOW


def taken_back(
    book: dict[str, Standing],
    pool: Minor,
    done: Mapping[str, Performance],
    before: Day,
    scope: Collection[str] | None = None,
) -> Minor | None:
    """The excess, not positive, after it came off the revenue of a day, by what each line had earned; None: it waits.

    ``pool``: what would remain, below nothing; ``scope``: the lines that it may come off, None for all. ``book`` is changed
    in place.
    """
    if not all(each.item.special is not None and each.item.special.takes_back for each in book.values()):
        return None
    lines = [po for po in book if scope is None or po in scope]
    recognised = {po: earned(book[po].share, done.get(po, NOTHING), before) for po in lines}
    weights = {po: amount for po, amount in recognised.items() if amount > 0}
    if sum(weights.values()) + pool < 0:
        return None
    for po, amount in allocated(pool, weights).items():
        standing = book[po]
        book[po] = at_once(standing, amount)
    return pool


SWITCHES: Switches = {"negative_remaining": (_QUEUE, _NOW)}
