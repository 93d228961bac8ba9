"""How a scenario states the events that make, change and end a contract, and the estimates of its price.

Invariant: a version never states its treatment; the agent decides it.
"""

from __future__ import annotations

from tieout.streams.operate.scenario.event_map import AT, ID, OMIT, REASON, Beside, EventMap
from tieout.streams.operate.scenario.fields import (
    BUNDLES,
    CHANGES,
    DAY,
    EARNED,
    FLAG,
    MONEY,
    OPEN_DAY,
    PRICE,
    RATE,
    SSP_NOW,
    TERMINABLE,
    TEXT,
    TEXTS,
    WHOLE,
    Field,
    Values,
)
from tieout.streams.operate.scenario.lines import LINES, with_ssp_of_the_only_line


def _term(values: Values, beside: Beside) -> Values:
    """The span of a contract or term: the earliest and latest day that its lines name."""
    with_ssp_of_the_only_line(values, beside.reading.currency, beside.priced)
    days = [day for line in values["lines"] for day in (line.from_date, line.to_date) if day is not None]
    days = days or [beside.reading.at]
    values.setdefault("start_date", min([beside.reading.at, *days]))
    values.setdefault("end_date", max([beside.reading.at, *days]))
    return values


def _renewed_term(values: Values, beside: Beside) -> Values:
    with_ssp_of_the_only_line(values, beside.reading.currency, beside.priced)
    days = [line.to_date or line.from_date for line in values["lines"]]
    return {"end_date": max((day for day in days if day is not None), default=beside.reading.at)} | values


def _resumed(values: Values, _: Beside) -> Values:
    last_paused = values.pop("span")
    values.pop("paused")
    return values if last_paused is None else values | {"resumed_on": last_paused + 1}


def _reach(values: Values, beside: Beside) -> Values:
    """``version_3`` is the reach version and the version that it means; the first one when none is named."""
    reach, _, number = str(values["reach"]).partition("_")
    if number and not (reach == "version" and number.isdigit()):
        raise beside.spot.key("reach").wrong("one of version_N, obligation, performed, none")
    version = int(number or 1) if reach == "version" else None
    return values | {"reach": reach, "version": version}


def _as_version(values: Values, beside: Beside) -> Values:
    """A corrected or whole version states its lines as a version does."""
    if values.get("lines"):
        with_ssp_of_the_only_line(values, beside.reading.currency, beside.priced)
    return values


LINES_FIELD = Field("lines", LINES, "lines")
PRICE_FIELD = Field("price", MONEY, "price_minor")

_TERMS = (
    PRICE_FIELD,
    LINES_FIELD,
    Field("bundles", BUNDLES, "bundles", OMIT),
    Field("combine_with", TEXT, "combine_with", None),
    Field("terminable", TERMINABLE, "terminable", None),
)
_CHANGE = (
    Field("add", LINES, "add", OMIT),
    Field("change", CHANGES, "change", OMIT),
    Field("remove", TEXTS, "remove", OMIT),
    Field("ssp", SSP_NOW, "ssp", OMIT),
    Field("distinct", FLAG, "distinct", None),
    Field("actions", TEXTS, "actions", OMIT),
)

VERSIONS = (
    EventMap("contract_activated", "a contract starts", _TERMS, versioned=True, completed=_term),
    EventMap(
        "contract_amended",
        "scope, price or term change; the agent decides how that is accounted for",
        (
            Field("price_change", MONEY, "price_change_minor", 0),
            *_CHANGE,
            Field("past_credit", MONEY, "past_credit_minor", 0),
            Field("price_status", TEXT, "price_status", "fixed"),
            Field("price_estimate", MONEY, "price_estimate_minor", None),
            Field("enforceable", FLAG, "enforceable", default=True),
            REASON,
        ),
        versioned=True,
    ),
    EventMap(
        "contract_renewed",
        "a new term; `approved` is the signing, `effective` the start of the term",
        (
            PRICE_FIELD,
            LINES_FIELD,
            Field("material_right", FLAG, "material_right", default=False),
            Field("exercises", TEXTS, "exercises", OMIT),
        ),
        versioned=True,
        completed=_renewed_term,
    ),
    EventMap(
        "contract_cancelled",
        "the contract ends at `effective`; `price_change` <= 0 is consideration no longer owed, billed or not",
        (
            Field("access_end", DAY, "access_end_date", None),
            Field("price_change", MONEY, "price_change_minor", 0),
            Field("fee", MONEY, "fee_minor", 0),
            REASON,
        ),
        versioned=True,
    ),
    EventMap(
        "contract_suspended",
        "service pauses, both days included; open until resumed without `to`",
        (
            Field("from", DAY, "paused_from", AT),
            Field("to", DAY, "paused_to", None),
            Field("extended_to", DAY, "extended_to", None),
            Field("access_paused", FLAG, "access_paused", default=True),
            Field("billing_paused", FLAG, "billing_paused", default=False),
            REASON,
        ),
        versioned=True,
    ),
    EventMap(
        "contract_resumed",
        "service goes on from `from`, or behind the last paused day `to`",
        (
            Field("from", DAY, "resumed_on", AT),
            Field("to", DAY, "span", None),
            Field("extended_to", DAY, "extended_to", None),
            Field("access_paused", FLAG, "paused", default=True, words="as the pause says that ends"),
            REASON,
        ),
        versioned=True,
        completed=_resumed,
    ),
    EventMap(
        "owner_transferred",
        "another customer takes the contract over; with `novation` on new terms",
        (
            Field("to", TEXT, "new_customer_id"),
            Field("price", MONEY, "consideration_minor", 0),
            Field("receivables_assigned", FLAG, "receivables_assigned", default=False),
            Field("novation", FLAG, "novation", default=False),
        ),
        versioned=True,
    ),
    EventMap(
        "contract_opened_midlife",
        "a running contract comes over at `cutover`, with what was earned, billed and paid by then",
        (
            *_TERMS,
            Field("cutover", DAY, "cutover_date", AT),
            Field("earned", EARNED, "earned", OMIT),
            Field("billed", MONEY, "billed_minor", 0),
            Field("paid", MONEY, "paid_minor", 0),
            Field("liability_rate", RATE, "liability_rate", None),
        ),
        versioned=True,
        completed=_term,
    ),
    EventMap(
        "contract_snapshot",
        "the whole contract as it stands at `version`",
        (
            Field("version", WHOLE, "version"),
            PRICE_FIELD,
            LINES_FIELD,
            Field("ssp", SSP_NOW, "ssp", OMIT),
        ),
        completed=_term,
    ),
)

CORRECTIONS = (
    EventMap(
        "contract_corrected",
        "version `corrects` was told wrongly: what is stated here replaces what it said",
        (
            Field("corrects", WHOLE, "corrects"),
            Field("withdrawn", FLAG, "withdrawn", default=False),
            Field("cleared", TEXTS, "cleared", OMIT),
            Field("effective", DAY, "effective_day", OMIT),
            Field("approved", OPEN_DAY, "approved_date", OMIT),
            Field("price", MONEY, "price_minor", OMIT),
            Field("price_change", MONEY, "price_change_minor", OMIT),
            Field("lines", LINES, "lines", OMIT),
            *_CHANGE,
            Field("bundles", BUNDLES, "bundles", OMIT),
            Field("terminable", TERMINABLE, "terminable", OMIT),
            Field("combine_with", TEXT, "combine_with", OMIT),
            Field("past_credit", MONEY, "past_credit_minor", OMIT),
            Field("price_status", TEXT, "price_status", OMIT),
            Field("price_estimate", MONEY, "price_estimate_minor", OMIT),
            Field("enforceable", FLAG, "enforceable", OMIT),
            Field("material_right", FLAG, "material_right", OMIT),
            Field("exercises", TEXTS, "exercises", OMIT),
            Field("access_end", DAY, "access_end_date", OMIT),
            Field("fee", MONEY, "fee_minor", OMIT),
            Field("from", DAY, "paused_from", OMIT),
            Field("to", DAY, "paused_to", OMIT),
            Field("extended_to", DAY, "extended_to", OMIT),
            Field("access_paused", FLAG, "access_paused", OMIT),
            Field("resumed_on", DAY, "resumed_on", OMIT),
            REASON,
        ),
        completed=_as_version,
    ),
    EventMap(
        "change_order_submitted",
        "a change is asked for; nothing is enforceable yet",
        (
            Field("version", WHOLE, "version", None),
            Field("scope", TEXT, "scope", ""),
            Field("estimate", MONEY, "estimate_minor", None),
        ),
    ),
    EventMap(
        "change_order_approved",
        "the change is approved in scope; its price may be open",
        (
            Field("version", WHOLE, "version", None),
            Field("scope", TEXT, "scope", ""),
            Field("price_status", TEXT, "price_status", "fixed"),
            Field("estimate", MONEY, "estimate_minor", None),
        ),
    ),
    EventMap(
        "change_order_priced",
        "final price of a version whose price was open; it replaces the estimate from `at`",
        (Field("version", WHOLE, "version"), PRICE_FIELD),
    ),
    EventMap(
        "variable_estimate_changed",
        "an estimate of variable consideration, absolute from `at`; 0 ends it",
        (
            Field("id", TEXT, "estimate_id", ID),
            Field("amount", MONEY, "amount_minor", None),
            Field("reach", TEXT, "reach", "version_1"),
            Field("po", TEXT, "po", None),
            Field("from", DAY, "service_from", None),
            Field("to", DAY, "service_to", None),
            Field("refundable", FLAG, "refundable", default=False),
            Field("unit_price", PRICE, "unit_price_minor", None),
        ),
        completed=_reach,
    ),
)
