"""How a scenario states what people decide beside contracts, and what happens before one.

Invariant: none of these says how a contract is accounted for.
"""

from __future__ import annotations

from tieout.agents.contracts.draft import ident
from tieout.avro import events as ev
from tieout.streams.operate.scenario.event_map import (
    AMOUNT,
    GROUP,
    ID,
    MAYBE_INVOICE,
    MAYBE_PO,
    OMIT,
    REASON,
    TENANT,
    Beside,
    EventMap,
)
from tieout.streams.operate.scenario.fields import (
    DAY,
    FLAG,
    INSTANT,
    MONEY,
    PERIOD,
    TEXT,
    TEXTS,
    WHOLE,
    Field,
    Values,
    records,
)

_ADJUSTMENT_LINES = records(
    "list of {class, po, debit, credit}",
    ev.AdjustmentLine,
    (
        Field("class", TEXT, "account_class"),
        MAYBE_PO,
        Field("debit", MONEY, "debit_minor", 0),
        Field("credit", MONEY, "credit_minor", 0),
    ),
)


def _named_exception(values: Values, _: Beside) -> Values:
    """Its id, where it is named by code and fact: the id is a hash that nobody can write down beforehand."""
    code, slash, fact = values["exception_id"].partition("/")
    return {**values, "exception_id": ident(TENANT, GROUP, code, fact)} if slash else values


ADMIN = (
    EventMap(
        "collectability_reassessed",
        "whether collection is probable, from `at`",
        (Field("probable", FLAG, "probable"), REASON),
    ),
    EventMap(
        "collection_status_changed",
        "no accounting effect by itself",
        (Field("status", TEXT, "status"), MAYBE_INVOICE),
    ),
    EventMap(
        "notice_given",
        "no effect before the cancellation itself",
        (Field("by", TEXT, "by", "customer"), Field("ends_on", DAY, "ends_on", None), REASON),
    ),
    EventMap(
        "exception_resolved",
        "a person decides an open exception, named as `CODE/fact`: `LATE_MATERIAL/C1@1`",
        (
            Field("exception", TEXT, "exception_id"),
            Field("decision", TEXT, "decision"),
            Field("approver", TEXT, "approver", "controller"),
            REASON,
        ),
        completed=_named_exception,
    ),
    EventMap(
        "manual_adjustment",
        "a journal of a person, beside what the agent computes",
        (
            Field("book", TEXT, "book", "primary"),
            Field("lines", _ADJUSTMENT_LINES, "lines"),
            Field("period", PERIOD, "service_period"),
            Field("reason", TEXT, "reason"),
            Field("approver", TEXT, "approver", "controller"),
            Field("reverses", TEXT, "reverses", None),
            Field("reversed_on", DAY, "reversal_date", None),
        ),
    ),
    EventMap(
        "source_watermark",
        "a source has sent all `watched` objects of the days through `through`",
        (
            Field("watched", TEXT, "watched_type"),
            Field("through", INSTANT, "through_at"),
            Field("count", WHOLE, "object_count", 0),
        ),
    ),
    EventMap(
        "object_snapshot",
        "how another system shows an object, to reconcile with",
        (
            Field("system", TEXT, "system"),
            Field("kind", TEXT, "observed_type"),
            Field("id", TEXT, "observed_id", ID),
            Field("status", TEXT, "status", ""),
            Field("amount", MONEY, "amount_minor", None),
        ),
    ),
    EventMap(
        "opportunity_closed",
        "the deal is won; intent only",
        (Field("id", TEXT, "opportunity_id", ID), AMOUNT),
    ),
    EventMap(
        "quote_accepted",
        "the customer accepted a quote",
        (Field("id", TEXT, "quote_id", ID), Field("quote_version", WHOLE, "quote_version", 1), AMOUNT),
    ),
    EventMap(
        "contract_approved",
        "signed and approved; `related_contracts` are to be looked at together",
        (
            Field("amount", MONEY, "amount_minor", None),
            Field("signed", DAY, "signed_date"),
            Field("related_contracts", TEXTS, "related_contracts", OMIT),
        ),
    ),
)
