"""Why a modification is accounted for as it is: the rows of the decision table that matched (606-10-25-10..13).

Row numbers are those of the domain model, section 6; rows that refuse a version (1, 4 to 7) have a reason code instead.
Invariant: a function of a version as it stands and of what its fold did, so that a later fact that changes the treatment
changes the reasons with it.
"""

from __future__ import annotations

from collections.abc import Iterator

from tieout.agents.accounting.agreed import Rebase
from tieout.agents.accounting.modification import opens, particulars
from tieout.agents.accounting.unspread_price import METHOD_MISSING
from tieout.tables.facts import Terms

ROWS = {
    2: "replaces what the version said before, and is no modification",
    3: "no effect on scope, price or term",
    8: "a credit for past performance comes off revenue at once, and out of the price of what remains (606-10-55-115)",
    9: "the price is open: what is estimated after the constraint counts as promised with the change (606-10-25-11)",
    10: "scope ends",
    11: "adds distinct goods or services",
    12: "renewed at its stand-alone selling price",
    13: "nothing remains to be transferred: the change of the price is revenue at once (606-10-32-44)",
    15: "takes back more of the price than is left for what remains",
    16: "remaining goods or services are distinct from those transferred",
    17: "remaining goods or services are not distinct from those transferred",
    18: "some remaining goods or services are distinct from those transferred, some are not",
}
"""Row -> what it found."""

SERVED = "what was earned stays; the rest of the price is spread over the days that are served"
_PAUSING = {"suspend": "service is paused", "resume": "service goes on"}

NO_SPLIT = "the change does not say how its price splits over what it touches"
SCOPED = "by policy only the lines that it touches share it: an emulation, and not 606-10-25-13(a)"
PERFORMED = (
    "by policy the part of the change that is for days before it counts is revenue at once (606-10-32-44)"
)
TAKEN_BACK = "by policy the excess comes off revenue at once (606-10-32-44)"
NO_PAST = "nothing was recognised that a credit for past performance could come off"
NO_METHOD = (
    "no line earns a fixed price, and what is left is earned as it is used: add a line that earns it, or state what is "
    "for the past as such"
)
ASSUMED = {"MOD_NEGATIVE_REMAINING": ROWS[15], "MOD_SPLIT_MISSING": NO_SPLIT, METHOD_MISSING: NO_METHOD}
"""Reason code of what a version lacks -> in words."""


def reasons(terms: Terms, rebase: Rebase | None) -> tuple[str, ...]:
    """The rows that matched, in their order, each in words; the paragraph of the treatment comes last.

    ``rebase``: what the version did, None where it re-bases nothing.
    """
    return tuple(_reasons(terms, rebase))


def _reasons(terms: Terms, rebase: Rebase | None) -> Iterator[str]:
    more = particulars(terms)
    if more.correction is not None:
        yield ROWS[2]
    if terms.reasons:
        yield from terms.reasons
        return
    if terms.treatment == "none":
        yield ROWS[3]
        return
    if more.past_credit:
        yield ROWS[8] if opens(terms) or (rebase is not None and rebase.credited) else NO_PAST
    if more.price_open:
        yield ROWS[9]
    if opens(terms):
        yield from (ROWS[11], "each at its stand-alone selling price", "606-10-25-12")
        return
    assert rebase is not None, terms
    if rebase.missing:
        yield ASSUMED[rebase.missing]
    if rebase.performed:
        yield PERFORMED
    if rebase.taken_back:
        yield from (ROWS[15], TAKEN_BACK)
    yield from _of_treatment(terms, rebase)


def _of_treatment(terms: Terms, rebase: Rebase) -> Iterator[str]:
    """Rows 10, 13 and 16 to 18."""
    if terms.kind == "cancel":
        yield from (ROWS[10], "what was earned stays; the rest of the price is re-based", "606-10-25-13(a)")
    elif terms.kind in _PAUSING:
        yield from (_PAUSING[terms.kind], SERVED, "606-10-25-13(a)")
    elif not (rebase.members or rebase.caught_up):
        yield ROWS[13]
    elif rebase.treatment == "catch_up":
        yield from (ROWS[17], "revenue is caught up", "606-10-25-13(b)")
    elif rebase.treatment == "mixed":
        yield from (ROWS[18], "606-10-25-13(c)")
    else:
        yield from (ROWS[16], SCOPED if rebase.scoped else "606-10-25-13(a)")
