"""An option that is a material right: its share of the price waits for what the customer takes up, or for its end.

An option is promised as a line with its own stand-alone selling price (606-10-55-42..45): when it is exercised, its share
joins the price of what is taken up, as if that had been promised from the start; what lapses is revenue then. Invariant:
what an exercise takes off options is added to the price of what is taken up, to the last minor unit, and nothing else of
the contract is allocated anew.
"""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from fractions import Fraction

from msgspec.structs import replace

from tieout.agents.accounting.modification import particulars
from tieout.agents.accounting.progress import earned
from tieout.agents.accounting.rounding import rounded_share
from tieout.agents.accounting.standalone_price import remaining_weight
from tieout.agents.accounting.standing import Standing, changed, renewed
from tieout.avro.events import Minor
from tieout.tables.derived import NOTHING, Performance
from tieout.tables.facts import Terms

REASONS = ("takes up an option that is a material right", "606-10-55-42..44")
"""Why what is taken up has the option's share beside its own price."""


def exercised(
    book: MutableMapping[str, Standing], terms: Terms, done: Mapping[str, Performance]
) -> dict[str, Minor]:
    """Option -> what of its share joins the price of what is taken up; the options are changed in place.

    What an option earned before stays its own. One that the version drops gives all that is left; one of which it takes
    some (a lower quantity) gives the part of it that is no longer there, and waits with the rest. One that is not, or no
    longer, promised by then gives nothing.
    """
    taken: dict[str, Minor] = {}
    for po in particulars(terms).exercised:
        if po not in book or book[po].share.measure == "dropped":
            continue
        standing, performed = book[po], done.get(po, NOTHING)
        base = earned(standing.share, performed, terms.at - 1)
        left = standing.share.base + standing.share.amount - base
        frozen = replace(standing, share=replace(standing.share, base=base, amount=0))
        if po in terms.drop:
            kept = 0
            book[po] = replace(frozen, share=replace(frozen.share, measure="dropped"))
        else:
            kept = _stays(book, frozen, terms, left, performed)
        taken[po] = left - kept
    return taken


def _stays(
    book: MutableMapping[str, Standing], standing: Standing, terms: Terms, left: Minor, done: Performance
) -> Minor:
    """What waits on with an option that is exercised in part: by the stand-alone selling price of what remains of it."""
    before = remaining_weight(standing, terms.at, done)
    for change in terms.change:
        if change.po == standing.item.po:
            standing = replace(standing, item=changed(standing.item, change))
    after = remaining_weight(standing, terms.at, done)
    share = Fraction(after, before) if before else Fraction(0)
    kept = rounded_share(left, share.numerator, share.denominator)
    book[standing.item.po] = replace(standing, share=replace(renewed(standing, done, terms.at), amount=kept))
    return kept
