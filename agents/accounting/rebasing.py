"""One version applied to the obligations that stand: freeze, spread what is left, catch up (606-10-25-13).

Invariant: base and amount over all obligations rise by what the version adds to the price, to the last minor unit;
what was earned by the day before stays earned, except for what a version credits for past performance (Example 5B).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from fractions import Fraction

from msgspec.structs import replace

from tieout.agents.accounting.agreed import Rebase, Sets
from tieout.agents.accounting.allocation import Weight, allocated, rounding_of
from tieout.agents.accounting.inception_basis import Bundles, inception_shares, is_residual, per_unit
from tieout.agents.accounting.material_right import exercised
from tieout.agents.accounting.modification import (
    label,
    opens,
    particulars,
    price_by_set,
    scope_of,
    sets_of,
)
from tieout.agents.accounting.negative_remaining import NEGATIVE_REMAINING, taken_back
from tieout.agents.accounting.opening_balances import carried_over, openings
from tieout.agents.accounting.pauses import pauses_by_promise
from tieout.agents.accounting.progress import earned, satisfied
from tieout.agents.accounting.retroactive_price import performed_parts
from tieout.agents.accounting.service_time import Pauses
from tieout.agents.accounting.standalone_price import remaining_weight, stated_for
from tieout.agents.accounting.standing import Standing, at_once, blank, changed, renewed, restated
from tieout.agents.accounting.unspread_price import METHOD_MISSING
from tieout.avro.events import Minor
from tieout.tables.derived import NOTHING, Performance
from tieout.tables.facts import Terms

Book = dict[str, Standing]
"""Obligation -> how it stands."""


def opened(inceptions: list[Terms], own: Minor, done: Mapping[str, Performance]) -> tuple[Book, Rebase]:
    """The obligations of an arrangement as promised: the price shared by SSP (606-10-32-28..35).

    ``inceptions``: one version, or those of contracts that are combined (606-10-25-9); ``own``: components that were
    promised in them. Of one that came over in mid-life, what was earned by then stays earned.
    """
    book: Book = {}
    for terms in inceptions:
        for item in terms.add:
            if item.measure != "amount":
                book[item.po] = Standing(
                    item, blank(item, terms.at), item.ssp, stated_for(item, None, NOTHING, None)
                )
    if any(each.more is not None and each.more.pauses for each in inceptions):
        _pause(book, sorted(book), pauses_by_promise(inceptions))
    first = inceptions[0]
    price = sum(each.pool for each in inceptions)
    bundles = tuple(bundle for terms in inceptions for bundle in particulars(terms).bundles)
    pool = price + own
    for po, amount in inception_shares(book, bundles, price, pool).items():
        standing = book[po]
        book[po] = replace(standing, share=replace(standing.share, amount=amount))
    _weigh_residuals(book, bundles, price)
    for terms in openings(inceptions):
        carried_over(book, terms, inception_shares(book, bundles, price, price), done)
    missing = METHOD_MISSING if pool and not book else ""
    return book, Rebase(
        first.contract, first.version, first.treatment, pool, tuple(sorted(book)), (), missing
    )


def _weigh_residuals(book: Book, bundles: Bundles, price: Minor) -> None:
    """What a promise took of the fixed price is its SSP from then on: the residual approach estimates it (32-34(c))."""
    taking = [po for po in book if is_residual(book[po])]
    if not taking or not price:
        return
    fixed = inception_shares(book, bundles, price, price)
    for po in taking:
        book[po] = replace(book[po], ssp=Fraction(fixed[po], per_unit(book[po])))


def rebased(
    book: Book,
    terms: Terms,
    own: Minor,
    done: Mapping[str, Performance],
    paused: Mapping[str, Pauses] | None = None,
) -> Rebase:
    """Apply a version to the obligations, which are changed in place; ``own``: components promised in it.

    ``paused``: pauses by promise as known with this version, None where nothing was ever paused.
    """
    assert not opens(terms), terms
    if particulars(terms).exercised:
        return _taken_up(book, terms, own, done, paused)
    open_pos, scope = _unsatisfied(book, terms, done), scope_of(terms, book)
    if scope is not None:
        open_pos = [po for po in open_pos if po in scope]
    sets = sets_of(terms, book, open_pos)
    parts = price_by_set(terms, sets, own)
    credited = _credited(book, terms, done)
    pool, catch_up = parts.pool + credited, parts.by_po
    gone: dict[str, Minor] = {}
    kept: list[str] = []
    for po in sets.distinct:
        pool += _freeze(book, po, terms, done.get(po, NOTHING), gone, kept)
    _change(book, terms)
    kept += _added(book, terms)
    _restate(book, terms, done)
    kept.sort()
    if paused is not None:
        _pause(book, kept, paused)
    performed = performed_parts(book, terms, sets, kept, done)
    for po, part in performed.items():
        book[po] = at_once(book[po], part)
        pool -= part
    if sets.not_distinct and not kept:
        pool, catch_up = 0, _left_to(book, terms, sets, pool, catch_up)
    excess, missing = _excess(book, terms, pool, kept, done, scope)
    _spread(book, terms, pool - excess, kept, gone, done, scope)
    _catch_up(book, terms, sets, catch_up)
    return Rebase(
        terms.contract,
        terms.version,
        label(terms, sets),
        pool - excess,
        tuple(kept),
        sets.not_distinct,
        parts.missing or missing,
        credited,
        excess,
        sum(performed.values()),
        scope is not None,
    )


def _taken_up(
    book: Book,
    terms: Terms,
    own: Minor,
    done: Mapping[str, Performance],
    paused: Mapping[str, Pauses] | None,
) -> Rebase:
    """A material right is exercised: what is taken up shares its price and the option's (606-10-55-42..45)."""
    gone = exercised(book, terms, done)
    pool = terms.pool + own + sum(gone.values())
    added = sorted(_added(book, terms))
    if paused is not None:
        _pause(book, added, paused)
    excess, missing = _excess(book, terms, pool, added, done)
    _spread(book, terms, pool - excess, added, gone, done)
    members = tuple(added)
    return Rebase(
        terms.contract, terms.version, "prospective", pool - excess, members, (), missing, taken_back=excess
    )


def _excess(
    book: Book,
    terms: Terms,
    pool: Minor,
    members: list[str],
    done: Mapping[str, Performance],
    scope: Collection[str] | None = None,
) -> tuple[Minor, str]:
    """What came off revenue at once of a pool below nothing, and the code of what waits for a person instead."""
    if pool >= 0 or not members:
        return 0, ""
    excess = taken_back(book, pool, done, terms.at - 1, scope)
    return (0, NEGATIVE_REMAINING) if excess is None else (excess, "")


def raised(standing: Standing, amount: Minor) -> Standing:
    """An obligation with so much more to earn; one that is no longer owed has earned it."""
    share = standing.share
    if share.measure == "dropped":
        return replace(standing, share=replace(share, base=share.base + amount))
    return replace(standing, share=replace(share, amount=share.amount + amount))


def _unsatisfied(book: Book, terms: Terms, done: Mapping[str, Performance]) -> list[str]:
    """Obligations with something left to transfer the day before, or of which the version promises otherwise."""
    before = terms.at - 1
    touched = {
        change.po
        for change in terms.change
        if change.po in book and changed(book[change.po].item, change) != book[change.po].item
    }
    return [
        po
        for po, standing in book.items()
        if standing.share.measure != "dropped"
        and (po in touched or not satisfied(standing.share, done.get(po, NOTHING), before))
    ]


def _left_to(
    book: Book, terms: Terms, sets: Sets, pool: Minor, catch_up: dict[str, Minor]
) -> dict[str, Minor]:
    """With nobody to share it, what is stated for a satisfied line is its revenue at once; the rest, such as what was
    left of a removed line, joins the work that goes on, by what that is to earn (606-10-25-13(b)).
    """
    for po, amount in particulars(terms).line_prices:
        if po in book and po not in sets.not_distinct and po not in terms.drop:
            standing = book[po]
            book[po] = at_once(standing, amount)
            pool -= amount
    weights: dict[str, Weight] = {po: max(0, book[po].share.amount) for po in sets.not_distinct}
    if not any(weights.values()):
        weights = {sets.not_distinct[0]: 1}
    left = allocated(pool, weights) if pool else {}
    return {po: catch_up.get(po, 0) + left.get(po, 0) for po in sets.not_distinct}


def _credited(book: Book, terms: Terms, done: Mapping[str, Performance]) -> Minor:
    """A credit for what was transferred: off its revenue at once, back into the price of what remains (Example 5B).

    No more than was recognised by then: a credit can only be for the past as far as there is one.
    """
    credit = particulars(terms).past_credit
    if not credit:
        return 0
    before = terms.at - 1
    weights: dict[str, Minor] = {}
    for po, standing in book.items():
        recognised = earned(standing.share, done.get(po, NOTHING), before)
        if recognised > 0:
            weights[po] = recognised
    credit = min(credit, sum(weights.values()))
    if not credit:
        return 0
    for po, amount in allocated(-credit, weights).items():
        standing = book[po]
        book[po] = at_once(standing, amount)
    return credit


def _freeze(
    book: Book, po: str, terms: Terms, done: Performance, gone: dict[str, Minor], kept: list[str]
) -> Minor:
    """What an obligation earned stays earned; what it did not is given back. Dropped ones are ``gone``."""
    standing = book[po]
    share = standing.share
    base = earned(share, done, terms.at - 1)
    frozen = replace(share, base=base, amount=0)
    if po in terms.drop:
        gone[po] = share.amount
        frozen = replace(frozen, measure="dropped")
    else:
        kept.append(po)
    book[po] = replace(standing, share=frozen)
    return share.base + share.amount - base


def _change(book: Book, terms: Terms) -> None:
    for change in terms.change:
        standing = book.get(change.po)
        if standing is not None:
            book[change.po] = replace(standing, item=changed(standing.item, change))


def _added(book: Book, terms: Terms) -> list[str]:
    """New obligations; what was transferred of them before the version counts as theirs."""
    added = []
    for item in terms.add:
        if item.measure != "amount":
            stated = stated_for(item, None, NOTHING, None)
            book[item.po] = Standing(item, blank(item, terms.at), item.ssp, stated)
            added.append(item.po)
    return added


def _restate(book: Book, terms: Terms, done: Mapping[str, Performance]) -> None:
    """A current SSP holds from this version on; ``whole`` states it for what remains (606-10-32-43 is inception)."""
    for po, ssp in terms.ssp_now:
        standing = book.get(po)
        if standing is not None:
            performed, pauses = done.get(po, NOTHING), standing.share.pauses
            stated = stated_for(standing.item, terms.at, performed, terms.at - 1, pauses)
            book[po] = replace(standing, ssp=ssp, stated=stated or standing.stated)


def _pause(book: Book, kept: list[str], paused: Mapping[str, Pauses]) -> None:
    """Days that are not served, as known from this version on."""
    for po in kept:
        standing = book[po]
        if standing.share.pauses != paused.get(po, ()):
            share = replace(standing.share, pauses=paused.get(po, ()))
            book[po] = replace(standing, share=share)


def _spread(
    book: Book,
    terms: Terms,
    pool: Minor,
    members: list[str],
    gone: dict[str, Minor],
    done: Mapping[str, Performance],
    scope: Collection[str] | None = None,
) -> None:
    """What is left of the price, over what is left to transfer (606-10-25-13(a)); of it, over what is in ``scope``."""
    fresh = {item.po for item in terms.add}
    performed = {po: NOTHING if po in fresh else done.get(po, NOTHING) for po in members}
    weights: dict[str, Weight] = {}
    if len(members) > 1:
        weights = {po: remaining_weight(book[po], terms.at, performed[po]) for po in members}
        if not any(weights.values()):
            return _settle(book, pool, gone, done, terms, scope)
    elif members:
        weights = {members[0]: 1}
    else:
        return _settle(book, pool, gone, done, terms, scope)
    rule = rounding_of(standing.item for standing in book.values())
    for po, amount in allocated(pool, weights, rule).items():
        standing = book[po]
        share = replace(renewed(standing, performed[po], terms.at), amount=amount)
        book[po] = replace(standing, share=share)
    return None


def _settle(
    book: Book,
    pool: Minor,
    gone: dict[str, Minor],
    done: Mapping[str, Performance],
    terms: Terms,
    scope: Collection[str] | None = None,
) -> None:
    """Nothing is left to perform: the pool is revenue at once, of what was dropped, else of what was earned."""
    if not pool:
        return
    lines = [po for po in book if scope is None or po in scope] or list(book)
    weights: dict[str, Weight] = {po: amount for po, amount in gone.items() if amount > 0}
    if not weights:
        weights = {po: max(0, earned(book[po].share, done.get(po, NOTHING), terms.at - 1)) for po in lines}
    if not any(weights.values()):
        weights = {min(lines): 1}
    for po, amount in allocated(pool, weights).items():
        standing = book[po]
        book[po] = at_once(standing, amount)


def _catch_up(book: Book, terms: Terms, sets: Sets, by_po: dict[str, Minor]) -> None:
    """Work that goes on as one thing: its price and its promise change, and progress over the whole (25-13(b))."""
    touched = {change.po for change in terms.change}
    for po in sets.not_distinct:
        standing = book[po]
        share = restated(standing, terms.at) if po in touched else standing.share
        share = replace(share, amount=share.amount + by_po.get(po, 0))
        book[po] = replace(standing, share=share)
