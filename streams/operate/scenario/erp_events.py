"""How a scenario states what the ERP answered to a command, and what somebody did there by hand.

Invariant: the command is named by its id, which may be any text where nothing looks it up; none of these moves a balance.
"""

from __future__ import annotations

from tieout.avro import events as ev
from tieout.streams.operate.scenario.event_map import AMOUNT, ERP_ACCOUNT, MAYBE_PO, EventMap
from tieout.streams.operate.scenario.fields import (
    DAY,
    FLAG,
    INSTANT,
    MONEY,
    PERIOD,
    TEXT,
    WHOLE,
    Default,
    Field,
    records,
)

_REJECTED_LINES = records(
    "list of {class, po, period, amount}",
    ev.RejectedLine,
    (
        Field("class", TEXT, "account_class"),
        MAYBE_PO,
        Field("period", PERIOD, "service_period"),
        Field("amount", MONEY, "amount_minor"),
        Field("functional", MONEY, "functional_minor", None),
    ),
)
_WHICH = (
    Field("erp", TEXT, "erp_account", ERP_ACCOUNT),
    Field("kind", TEXT, "kind", "journal_post"),
    AMOUNT,
)
_IN_LANE = (
    Field("lane", TEXT, "lane", "journal/primary"),
    Field("lane_seq", WHOLE, "lane_seq", 1),
    Field("arrangement", TEXT, "arrangement_id", ""),
)
_PERIOD = Field("period", PERIOD, "posting_period")
_DOCUMENT = Field("document", TEXT, "document_no", Default.ID)

ERP = (
    EventMap(
        "erp_accepted",
        "the ERP holds the document of command `id`; what stood against it is over",
        (
            *_WHICH,
            *_IN_LANE,
            _PERIOD,
            _DOCUMENT,
            Field("posted_on", DAY, "posted_on", Default.AT),
            Field("duplicate", FLAG, "duplicate", default=False),
        ),
    ),
    EventMap(
        "erp_rejected",
        "command `id` is definitely not in the ERP, and stands in its lane; lines are a journal's, debits positive",
        (
            *_WHICH,
            *_IN_LANE,
            _PERIOD,
            Field("book", TEXT, "book", "primary"),
            Field("reason", TEXT, "reason"),
            Field("code", TEXT, "code", ""),
            Field("text", TEXT, "text", ""),
            Field("lines", _REJECTED_LINES, "lines", []),
            Field("reference", TEXT, "reference", None),
            Field("document_date", DAY, "document_date", None),
        ),
    ),
    EventMap(
        "erp_status_changed",
        "a document that the ERP held was changed there by hand: reversed, deleted or edited",
        (
            *_WHICH,
            Field("status", TEXT, "status"),
            _DOCUMENT,
            Field("observed", INSTANT, "observed_at"),
        ),
    ),
)
