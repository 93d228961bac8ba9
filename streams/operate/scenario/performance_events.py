"""How a scenario states what was delivered, used, worked and estimated.

Invariant: evidence says what happened, never what it earns.
"""

from __future__ import annotations

from typing import Any

from tieout.streams.operate.scenario import dates
from tieout.streams.operate.scenario.event_map import (
    AMOUNT,
    AT,
    ID,
    MAYBE_PO,
    OMIT,
    PO,
    QTY,
    REASON,
    Beside,
    EventMap,
)
from tieout.streams.operate.scenario.fields import (
    DAY,
    FLAG,
    MONEY,
    PRICE,
    QUANTITY,
    SHARE,
    TEXT,
    WHOLE,
    Field,
    Kind,
    Reading,
    Values,
)
from tieout.streams.operate.scenario.places import Spot


def _month(value: Any, target: str, _: Reading, spot: Spot) -> Values:
    label = dates.period_label(value, spot)
    month = dates.month_of(label, spot)
    return {target: (dates.month_end(dates.label_of(month - 1)) + 1, dates.month_end(label))}


def _usage_span(values: Values, _: Beside) -> Values:
    """``period`` stands for its first and its last day."""
    first, last = values.pop("span") or (values["usage_from"], values["usage_to"])
    return values | {"usage_from": first, "usage_to": last}


MONTH = Kind("month", _month)
METER = Field("meter", TEXT, "meter")
_REQUIRED_QTY = Field("qty", QUANTITY, "quantity")
_SPAN = (
    Field("period", MONTH, "span", None),
    Field("from", DAY, "usage_from", AT),
    Field("to", DAY, "usage_to", AT),
)

PERFORMANCE = (
    EventMap("goods_delivered", "without `qty` all of the line", (PO, QTY)),
    EventMap(
        "goods_shipped",
        "transfers a line with `incoterm: shipping_point`",
        (PO, QTY, Field("incoterm", TEXT, "incoterm", None)),
    ),
    EventMap(
        "goods_returned",
        "with `estimate` the return was expected in the price and moves no progress",
        (PO, QTY, Field("estimate", TEXT, "estimate_id", None), Field("condition", TEXT, "condition", None)),
    ),
    EventMap(
        "bill_and_hold_confirmed",
        "control passes while the goods stay with us; all four criteria are met unless stated",
        (
            PO,
            QTY,
            Field("reason_substantive", FLAG, "reason_substantive", default=True),
            Field("identified_separately", FLAG, "identified_separately", default=True),
            Field("ready_for_transfer", FLAG, "ready_for_transfer", default=True),
            Field("not_redirectable", FLAG, "not_redirectable", default=True),
        ),
    ),
    EventMap(
        "order_accepted",
        "no accounting effect",
        (MAYBE_PO, QTY, Field("promised", DAY, "promised_date", None)),
    ),
    EventMap(
        "order_backordered",
        "no accounting effect",
        (MAYBE_PO, QTY, Field("promised", DAY, "promised_date", None), REASON),
    ),
    EventMap("acceptance_recorded", "opens the acceptance gate", (PO,)),
    EventMap("acceptance_rejected", "what waits behind the gate goes on waiting", (PO, REASON)),
    EventMap("access_provisioned", "opens the access gate; transfers a point line", (PO,)),
    EventMap("access_revoked", "the customer cannot use it from `at`", (PO, REASON)),
    EventMap(
        "milestone_completed",
        "`percent`: cumulative share, where the milestone measures transfer",
        (PO, Field("id", TEXT, "milestone", ID), Field("percent", SHARE, "percent_ppm", None)),
    ),
    EventMap(
        "cost_incurred",
        "this cost; `uninstalled` ones earn their cost alone",
        (PO, AMOUNT, Field("uninstalled", FLAG, "uninstalled", default=False)),
    ),
    EventMap(
        "progress_updated",
        "one of: total expected cost, cumulative share, share of granted units never used",
        (
            PO,
            Field("eac", MONEY, "eac_minor", None),
            Field("percent", SHARE, "percent_ppm", None),
            Field("breakage", SHARE, "breakage_ppm", None),
        ),
    ),
    EventMap(
        "timesheet_approved",
        "without `rate` at the line's unit price",
        (PO, Field("hours", QUANTITY, "hours"), Field("rate", PRICE, "rate_minor", None)),
    ),
    EventMap("royalty_reported", "revenue at the later of sale and transfer", (PO, AMOUNT)),
    EventMap("usage_reported", "consumption of a meter on `at`", (METER, _REQUIRED_QTY)),
    EventMap(
        "usage_corrected",
        "the usage with the id `replaces` counts no more, this one at its own `at`",
        (METER, Field("replaces", TEXT, "replaces"), _REQUIRED_QTY),
    ),
    EventMap(
        "usage_rated",
        "a rated amount of a period, or of `from`..`to`",
        (
            METER,
            *_SPAN,
            Field("qty", QUANTITY, "quantity", 1),
            AMOUNT,
            Field("replaces_estimate", FLAG, "replaces_estimate", OMIT),
        ),
        completed=_usage_span,
    ),
    EventMap(
        "usage_period_closed",
        "every usage of the period was sent: `count` of them",
        (METER, *_SPAN, Field("count", WHOLE, "usage_count")),
        completed=_usage_span,
    ),
    EventMap(
        "prepaid_credit_granted",
        "units paid ahead",
        (PO, _REQUIRED_QTY, Field("expires", DAY, "expires_on", None)),
    ),
    EventMap("prepaid_credit_consumed", "granted units were used", (PO, _REQUIRED_QTY)),
    EventMap("prepaid_credit_expired", "without `qty` all that were left", (PO, QTY)),
)
