"""Lines earned as amounts of a day: usage of a meter, hours at a rate, royalties; what is pinned of them.

Invariant: what passes has a rule that reads all of it; a price per unit stays as the version stated it, and how usage is
priced and when it counts are the choices of the day on which the line was agreed.
"""

from __future__ import annotations

from tieout.agents.accounting.dated_amounts import DATED_AMOUNTS, USAGE
from tieout.agents.accounting.policy import Policy
from tieout.agents.accounting.usage_aggregation import AGGREGATIONS, LAST_EVER
from tieout.agents.accounting.usage_periods import ANCHORED, CARRIED_DAYS_MAX, USAGE_PERIODS, measurable
from tieout.agents.contracts.decision import Refused
from tieout.avro.days import iso
from tieout.avro.events import Line
from tieout.tables.facts import Special


def amount_of(line: Line) -> str | None:
    """Usage, hours or royalty; None for a line that is earned otherwise."""
    if line.measure == "amount":
        return USAGE
    return line.measure if line.measure in DATED_AMOUNTS else None


def amount_special(line: Line, policy: Policy) -> Special | None:
    """What is pinned of a line of dated amounts; None for usage that is only ever rated."""
    kind = amount_of(line)
    assert kind is not None, line.po
    _check(line)
    if kind != USAGE:
        return Special(
            amount_of=kind, unit_price=line.unit_price_minor, unit_price_scale=line.unit_price_scale
        )
    if line.unit_price_minor is None and policy.usage == "accrue_estimate":
        return None
    return Special(
        amount_of=USAGE,
        unit_price=line.unit_price_minor,
        unit_price_scale=line.unit_price_scale,
        aggregation=line.aggregation,
        usage_period=line.usage_period,
        pricing=policy.usage_pricing,
        usage=policy.usage,
    )


def _check(line: Line) -> None:
    beside = (
        (f"gate {line.gate}", line.gate != "none"),
        (f"incoterm {line.incoterm}", line.incoterm is not None),
        ("remaining goods not distinct", line.distinct is False),
        ("breakage", line.breakage_ppm != 0),
        ("uninstalled cost", line.uninstalled_cost_minor != 0),
        ("rounded progress", line.progress_digits is not None),
    )
    for what, found in beside:
        if found:
            detail = f"line {line.po!r}: {what} is not supported of amounts of a day"
            raise Refused("EVENT_UNSUPPORTED", detail)
    if line.aggregation not in AGGREGATIONS:
        raise Refused(
            "VALUE_INVALID",
            f"line {line.po!r} aggregates usage by {line.aggregation!r}; one of {', '.join(AGGREGATIONS)}",
        )
    if line.usage_period not in USAGE_PERIODS:
        raise Refused(
            "VALUE_INVALID",
            f"line {line.po!r} has usage period {line.usage_period!r}; one of {', '.join(USAGE_PERIODS)}",
        )
    days = [day for day in (line.from_date, line.to_date) if day is not None]
    if not all(measurable(day) for day in days):
        raise Refused(
            "DATES_INVALID", f"line {line.po!r} has no usage period around one of {[*map(iso, days)]}"
        )
    if line.usage_period == ANCHORED and line.from_date is None:
        raise Refused(
            "DATES_INVALID", f"line {line.po!r} counts months from a first day that it does not state"
        )
    if line.aggregation == LAST_EVER:
        if line.from_date is None or line.to_date is None:
            raise Refused(
                "DATES_INVALID",
                f"line {line.po!r} counts usage in periods without any: it has to state its first and last day",
            )
        if line.to_date - line.from_date > CARRIED_DAYS_MAX:
            raise Refused(
                "LIMIT_EXCEEDED", f"line {line.po!r} carries usage over more than {CARRIED_DAYS_MAX} days"
            )
