"""Lines of a contract version, as a scenario states them, become lines of the event language.

Invariant: a line says what it promises and at what price, never how it is accounted for; a measure that is settled by
dated amounts (usage, hours, royalty) has no share of the allocation and therefore no stand-alone selling price.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from msgspec.structs import replace

from tieout.agents.accounting.dated_amounts import DATED_AMOUNTS
from tieout.avro import events as ev
from tieout.streams.operate.scenario.fields import (
    DAY,
    FLAG,
    MONEY,
    PRICE,
    QUANTITY,
    SHARE,
    TEXT,
    WHOLE,
    Default,
    Field,
    Kind,
    Reading,
    Values,
    minor,
    read_fields,
)
from tieout.streams.operate.scenario.places import Spot, instead

OMIT = Default.OMIT
MEASURES = ("time", "point", "units", "cost", "percent", "drawdown", *DATED_AMOUNTS)
"""The last three are settled by dated amounts; the event language calls the first of those ``amount``."""

LINE_FIELDS = (
    Field("po", TEXT, "po", words="obligation, unique in the scenario"),
    Field(
        "measure",
        TEXT,
        "measure",
        words=f"{', '.join(MEASURES)}; the last three are dated amounts outside the allocation",
    ),
    Field(
        "from",
        DAY,
        "from_date",
        OMIT,
        words="first day of service; a point line is never satisfied before it (606-10-55-58C)",
    ),
    Field("to", DAY, "to_date", OMIT, words="last day of service, included"),
    Field("qty", QUANTITY, "quantity", OMIT, words="seats, units, granted credits; 1"),
    Field(
        "ssp",
        MONEY,
        "ssp_minor",
        OMIT,
        words="stand-alone selling price, in `ssp_per`; a line that shares the price with no other needs none",
    ),
    Field(
        "ssp_per",
        TEXT,
        "ssp_per",
        OMIT,
        words="whole (the line as stated), month, day (of one of `qty`), unit (of one of `qty`)",
    ),
    Field(
        "price",
        MONEY,
        "price_minor",
        OMIT,
        words="stated price; needed where an amendment adds more than one line",
    ),
    Field("residual", FLAG, "residual", OMIT, words="takes what the others leave (606-10-32-34(c))"),
    Field("ssp_low", MONEY, "ssp_low_minor", OMIT, words="plausible range of a residual"),
    Field("ssp_high", MONEY, "ssp_high_minor", OMIT, words="plausible range of a residual"),
    Field("gate", TEXT, "gate", OMIT, words="access (service starts then) or acceptance (counts then)"),
    Field(
        "incoterm",
        TEXT,
        "incoterm",
        OMIT,
        words="shipping_point: shipments count; destination: deliveries count; none: either",
    ),
    Field(
        "distinct",
        FLAG,
        "distinct",
        OMIT,
        words="what remains is distinct from what was transferred; false for cost and percent, else true",
    ),
    Field("entity", TEXT, "entity", OMIT, words="performing entity; the contract's"),
    Field("convention", TEXT, "convention", OMIT, words="overrides the policy"),
    Field("progress_digits", WHOLE, "progress_digits", OMIT, words="overrides the policy"),
    Field("unit_price", PRICE, "unit_price_minor", OMIT, words="price of one unit or hour"),
    Field("meter", TEXT, "meter", OMIT, words="meter whose usage it is"),
    Field(
        "aggregation",
        TEXT,
        "aggregation",
        OMIT,
        words="sum, max, last_during_period, last_ever within a usage period",
    ),
    Field(
        "usage_period",
        TEXT,
        "usage_period",
        OMIT,
        words="calendar_month or anchored_month (months from `from`)",
    ),
    Field("breakage", SHARE, "breakage_ppm", OMIT, words="share never used, of a drawdown"),
    Field(
        "uninstalled_cost",
        MONEY,
        "uninstalled_cost_minor",
        OMIT,
        words="outside progress, revenue at cost when incurred",
    ),
    Field("role", TEXT, "role", OMIT, words="principal or agent (net, 606-10-55-36)"),
    Field("recurring", FLAG, "recurring", OMIT, words="counts in ACV"),
    Field("tax_code", TEXT, "tax_code", OMIT, words="passed on"),
)


def _line(data: Mapping[str, Any], reading: Reading, spot: Spot) -> ev.Line:
    values = read_fields(LINE_FIELDS, data, reading, spot).values
    measure = values["measure"]
    if measure not in MEASURES:
        raise spot.key("measure").wrong(f"{measure!r} is no measure{instead(measure, MEASURES)}")
    if measure == "usage":
        values["measure"] = "amount"
    return ev.Line(product=values["po"], **values)


def _lines(value: Any, target: str, reading: Reading, spot: Spot) -> Values:
    return {
        target: tuple(
            _line(spot.item(n).a_map(each), reading, spot.item(n)) for n, each in enumerate(spot.items(value))
        )
    }


def with_ssp_of_the_only_line(values: Values, currency: str, priced: Collection[str]) -> None:
    """A line that shares its price with no other needs no SSP; 1 stands for it unless the price book states one."""
    shared = [line for line in values["lines"] if line.measure not in ("amount", *DATED_AMOUNTS)]
    if len(shared) == 1 and shared[0].ssp_minor is None and shared[0].po not in priced:
        only = replace(shared[0], ssp_minor=minor(1, currency, Spot("")))
        values["lines"] = tuple(only if line is shared[0] else line for line in values["lines"])


LINES = Kind("list of lines", _lines)
