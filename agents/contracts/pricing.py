"""What lines are priced by: stated or from the price book, subsets with their own price, a residual within its range.

Invariant: whatever has to share a price can be weighed; the price book that counts on the version's accounting date is
pinned with the promise, so that a later one never reallocates (606-10-32-43). A residual that is not plausible is never
allocated (32-34(c), Example 34 case C): the version waits for an estimate in the price book.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from msgspec.structs import replace

from tieout.agents.accounting.inception_basis import Bundles, residual_parts
from tieout.agents.accounting.modification import spreads_over_touched
from tieout.agents.accounting.negative_remaining import takes_back
from tieout.agents.accounting.policy import Policy
from tieout.agents.accounting.retroactive_price import performs_the_past
from tieout.agents.accounting.rounding import rounded_share
from tieout.agents.accounting.standalone_price import stated_for
from tieout.agents.accounting.standing import Standing, blank
from tieout.agents.accounting.vendor_rounding import CUMULATIVE
from tieout.agents.contracts.decision import Refused, View
from tieout.avro.contract_lines import Bundle
from tieout.avro.events import Day, Line, Minor
from tieout.avro.reference import EntityPublished, SspPublished
from tieout.tables.derived import NOTHING
from tieout.tables.facts import Item, Special
from tieout.tables.reference import Calendar, MonthCalendar

ROLES = ("principal", "agent")
"""Of an agent (606-10-55-36..40) a line states its fee: price and SSP net of what the principal gets."""

_PLAIN = Special()


class PricedOn(NamedTuple):
    """The price book that counts: of a currency, on the version's accounting date."""

    view: View
    currency: str
    day: Day

    def row(self, product: str) -> SspPublished | None:
        """The stand-alone selling price of a product, if one is published for that day."""
        return self.view.reference.ssp(product, self.currency, self.day)


def priced(line: Line, book: PricedOn) -> Line:
    """The line with the price book's SSP where it states none, and a residual with the book's range (32-31..34)."""
    if line.measure == "amount" or (line.ssp_minor is not None and not line.residual):
        return line
    row = book.row(line.product)
    if row is None:
        return line
    if not line.residual:
        return replace(line, ssp_minor=row.ssp_minor, ssp_per=row.ssp_per)
    if line.ssp_low_minor is None and line.ssp_high_minor is None and row.ssp_per == line.ssp_per:
        return replace(line, ssp_low_minor=row.ssp_low_minor, ssp_high_minor=row.ssp_high_minor)
    return line


def check_priced(line: Line, *, opens: bool) -> None:
    """VALUE_INVALID for what no price can be; a residual is found when an arrangement opens, never later."""
    if line.role not in ROLES:
        raise Refused("VALUE_INVALID", f"line {line.po!r} has the role {line.role!r}; one of {ROLES}")
    low, high = line.ssp_low_minor, line.ssp_high_minor
    if low is not None and high is not None and high < low:
        raise Refused("VALUE_INVALID", f"the SSP of line {line.po!r} ranges from {low} down to {high}")
    if line.residual:
        if line.measure == "amount":
            raise Refused("VALUE_INVALID", f"line {line.po!r} shares no price: it can take no residual")
        if not opens:
            raise Refused(
                "EVENT_UNSUPPORTED",
                f"line {line.po!r} would take a residual of a modification: state its SSP",
            )
    elif line.ssp_minor is not None and not (low or 0) <= line.ssp_minor <= (
        line.ssp_minor if high is None else high
    ):
        raise Refused("VALUE_INVALID", f"the SSP of line {line.po!r} is outside of its range {low} to {high}")


def check_schedule(entity: EntityPublished, policy: Policy, calendar: Calendar | None) -> None:
    """POLICY_MISSING for a schedule rounded by the periods of a calendar that are not months."""
    if policy.schedule_rounding != CUMULATIVE and not isinstance(calendar, MonthCalendar | None):
        raise Refused(
            "POLICY_MISSING",
            f"policy schedule_rounding = {policy.schedule_rounding!r} has no rule for the calendar {entity.calendar!r}",
            "reference",
        )


def with_pricing(special: Special | None, line: Line, policy: Policy) -> Special | None:
    """What is pinned of a line beside its plain promise, its pricing included; None where it is plain."""
    rounding, schedule = policy.allocation_rounding, _PLAIN.schedule_rounding
    if line.measure == "time" and line.progress_digits is None:
        schedule = policy.schedule_rounding
    if (
        not line.residual
        and line.role == _PLAIN.role
        and line.ssp_low_minor is None
        and line.ssp_high_minor is None
        and rounding == _PLAIN.allocation_rounding
        and schedule == _PLAIN.schedule_rounding
        and not (takes_back(policy) or performs_the_past(policy) or spreads_over_touched(policy))
    ):
        return special
    return replace(
        special or _PLAIN,
        residual=line.residual,
        ssp_low=line.ssp_low_minor,
        ssp_high=line.ssp_high_minor,
        role=line.role,
        allocation_rounding=rounding,
        schedule_rounding=schedule,
        takes_back=takes_back(policy),
        performs_past=performs_the_past(policy),
        touched_only=spreads_over_touched(policy),
    )


def book_pins(lines: Iterable[Line], book: PricedOn) -> tuple[str, ...]:
    """The versions of the price book that lines without an SSP of their own rest on."""
    rows = {
        line.product: book.row(line.product)
        for line in lines
        if line.measure != "amount" and (line.ssp_minor is None or line.residual)
    }
    return tuple(
        [f"ssp/{row.header.id}@{row.header.version}" for _, row in sorted(rows.items()) if row is not None]
    )


def bundles_of(stated: Iterable[Bundle], items: Iterable[Item], price: Minor) -> Bundles:
    """Subsets with an observable price of their own, sorted; each line in one at most (606-10-32-36, 32-37)."""
    known = {item.po for item in items if item.measure != "amount"}
    taken: set[str] = set()
    bundles: list[tuple[tuple[str, ...], Minor]] = []
    for bundle in stated:
        pos = tuple(sorted(bundle.pos))
        if not pos or len(set(pos)) < len(pos) or taken.intersection(pos):
            raise Refused(
                "VALUE_INVALID", f"bundle {list(pos)} is empty or shares a line with itself or another"
            )
        if not known.issuperset(pos):
            raise Refused(
                "VALUE_INVALID",
                f"bundle {list(pos)} names lines that share no price: {sorted({*pos} - known)}",
            )
        if bundle.price_minor < 0:
            raise Refused("VALUE_INVALID", f"bundle {list(pos)} has the price {bundle.price_minor}")
        taken.update(pos)
        bundles.append((pos, bundle.price_minor))
    total = sum([own for _, own in bundles])
    if total > price or (bundles and taken == known and total != price):
        raise Refused("AMOUNT_MISMATCH", f"bundles add up to {total}, the price is {price}")
    return tuple(sorted(bundles))


def check_weighable(items: Iterable[Item], bundles: Bundles, price: Minor) -> None:
    """SSP_MISSING where a price has to be shared and a line says nothing to share it by (606-10-32-33).

    A line that takes the residual alone needs none; nor does one that is a bundle, or the rest of bundles, by itself.
    """
    sharing = {item.po: item for item in items if item.measure != "amount"}
    groups = [[sharing.pop(po) for po in pos] for pos, _ in bundles] + [list(sharing.values())]
    if not price:
        groups = [[item for group in groups for item in group]]
    missing = sorted(po for group in groups for po in _without_ssp(group, price))
    if missing:
        raise Refused("SSP_MISSING", f"lines {missing} state no stand-alone selling price", "reference")


def _without_ssp(group: list[Item], price: Minor) -> list[str]:
    if len(group) < 2:  # noqa: PLR2004 - one line shares its price with no other
        return []
    residual = [item for item in group if price and _takes_residual(item)]
    free = {residual[0].po} if len(residual) == 1 else set()
    return [item.po for item in group if not item.ssp and item.po not in free]


def with_plausible_residuals(
    items: tuple[Item, ...], bundles: Bundles, price: Minor, book: PricedOn
) -> tuple[Item, ...]:
    """The promises, those whose residual is not plausible at the price book's estimate instead (32-34(c), Ex. 34 C).

    SSP_RESIDUAL_IMPLAUSIBLE where the price book has none: the version waits for it.
    """
    while True:
        doubtful = _implausible(items, bundles, price)
        if not doubtful:
            return items
        by_po = {item.po: item for item in items}
        for po, what in sorted(doubtful.items()):
            row = book.row(by_po[po].product)
            if row is None or not row.ssp_minor:
                raise Refused("SSP_RESIDUAL_IMPLAUSIBLE", f"line {po!r} would take {what}", "reference")
            special = by_po[po].special
            assert special is not None
            by_po[po] = replace(
                by_po[po], ssp=row.ssp_minor, ssp_per=row.ssp_per, special=replace(special, residual=False)
            )
        items = tuple(by_po[item.po] for item in items)


def _implausible(items: tuple[Item, ...], bundles: Bundles, price: Minor) -> Mapping[str, str]:
    """Line -> what is wrong with its residual: outside of its range, or nothing left for it (ASU 2014-09, BC273)."""
    if not price or not any(_takes_residual(item) for item in items):
        return {}
    standing = {
        item.po: Standing(item, blank(item, 0), item.ssp, stated_for(item, None, NOTHING, None))
        for item in items
        if item.measure != "amount"
    }
    found: dict[str, str] = {}
    for po, (part, each) in residual_parts(standing, bundles, price).items():
        special = standing[po].item.special
        assert special is not None
        low, high = special.ssp_low, special.ssp_high
        if part <= 0 or (low is not None and each < low) or (high is not None and each > high):
            about = rounded_share(part.numerator, 1, part.denominator)
            found[po] = f"{about} of the price, outside of {low} to {high} per {standing[po].item.ssp_per}"
    return found


def _takes_residual(item: Item) -> bool:
    return item.special is not None and item.special.residual
