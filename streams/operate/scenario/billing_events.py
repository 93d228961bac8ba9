"""How a scenario states documents, cash, disputes and write-offs.

Invariant: amounts are stated without tax, and tax beside them; whether the lines of a document add up to its
amount is the agent's to say.
"""

from __future__ import annotations

from tieout.avro import events as ev
from tieout.streams.operate.scenario.event_map import (
    AMOUNT,
    AT,
    ID,
    INVOICE,
    MAYBE_INVOICE,
    MAYBE_PO,
    REASON,
    Beside,
    EventMap,
)
from tieout.streams.operate.scenario.fields import (
    DAY,
    FLAG,
    MONEY,
    TEXT,
    WHOLE,
    Field,
    Values,
    records,
)


def _document(values: Values, _: Beside) -> Values:
    """One line for the whole amount, unless the document lists its own."""
    po, span = values.pop("po"), (values.pop("service_from"), values.pop("service_to"))
    listed = values.pop("listed")
    amount, tax = values["amount_minor"], values["tax_minor"]
    if listed is None:
        values["lines"] = (ev.DocumentLine(po, amount, tax, *span),)
    else:
        values["lines"] = listed
    return values | {"part_number": 1, "part_count": 1, "document_total_minor": amount + tax}


_DOCUMENT_LINES = records(
    "list of {po, amount, tax, from, to}",
    ev.DocumentLine,
    (
        MAYBE_PO,
        AMOUNT,
        Field("tax", MONEY, "tax_minor", 0),
        Field("from", DAY, "service_from", None),
        Field("to", DAY, "service_to", None),
    ),
)
_DOCUMENT = (
    AMOUNT,
    Field("tax", MONEY, "tax_minor", 0),
    MAYBE_PO,
    Field("lines", _DOCUMENT_LINES, "listed", None),
    Field("from", DAY, "service_from", None),
    Field("to", DAY, "service_to", None),
)
_CHARGE = (
    *_DOCUMENT,
    Field("due", DAY, "due_date", AT),
    Field("unconditional", FLAG, "unconditional", default=True),
)
_MAYBE_PAYMENT = Field("payment", TEXT, "payment_id", None)

BILLING = (
    EventMap(
        "invoice_posted",
        "an invoice; not `unconditional`: a memo until its right is established",
        (Field("id", TEXT, "invoice_number", ID), *_CHARGE),
        completed=_document,
    ),
    EventMap(
        "debit_memo_issued",
        "adds to what is due, as an invoice does",
        (Field("id", TEXT, "memo_number", ID), *_CHARGE, REASON, MAYBE_INVOICE),
        completed=_document,
    ),
    EventMap(
        "credit_memo_issued",
        "a credit, positive; what it does to the price follows from `reason` (policy `credit_effect`)",
        (
            Field("id", TEXT, "memo_number", ID),
            *_DOCUMENT,
            REASON,
            MAYBE_INVOICE,
            Field("modification", WHOLE, "modification_version", None),
        ),
        completed=_document,
    ),
    EventMap("invoice_voided", "the invoice never counted, from `at` on", (INVOICE, REASON)),
    EventMap(
        "credit_memo_voided",
        "a credit memo and its effects end at `at`",
        (Field("credit_memo", TEXT, "memo_number"), REASON),
    ),
    EventMap(
        "payment_received",
        "cash; without `invoice` it settles what is open, the rest is an advance",
        (AMOUNT, MAYBE_INVOICE),
    ),
    EventMap(
        "payment_unapplied",
        "cash is taken off its invoice and stays as an advance",
        (Field("payment", TEXT, "payment_id"), AMOUNT, MAYBE_INVOICE),
    ),
    EventMap(
        "payment_reversed",
        "a payment bounced: its cash is gone",
        (Field("payment", TEXT, "payment_id"), AMOUNT, REASON),
    ),
    EventMap(
        "payment_refunded",
        "cash goes back to the customer",
        (AMOUNT, Field("credit_memo", TEXT, "memo_number", None), _MAYBE_PAYMENT, REASON),
    ),
    EventMap(
        "payment_right_established",
        "an unconditional right without an invoice, or for a conditional one",
        (AMOUNT, MAYBE_PO, MAYBE_INVOICE),
    ),
    EventMap(
        "retention_released",
        "what the customer held back is owed now",
        (AMOUNT, MAYBE_PO, MAYBE_INVOICE, Field("condition", TEXT, "condition", None)),
    ),
    EventMap(
        "customer_credit_granted",
        "an amount moves from receivables to the customer's balance",
        (AMOUNT, MAYBE_INVOICE, Field("balance", TEXT, "balance_id", None), REASON),
    ),
    EventMap(
        "customer_credit_applied",
        "the customer's balance settles an invoice",
        (AMOUNT, MAYBE_INVOICE, Field("balance", TEXT, "balance_id", None)),
    ),
    EventMap(
        "dispute_opened",
        "the cash is taken back; the price changes by policy `credit_effect.dispute` alone",
        (Field("id", TEXT, "dispute_id", ID), AMOUNT, MAYBE_INVOICE, _MAYBE_PAYMENT, REASON),
    ),
    EventMap(
        "dispute_won",
        "the cash comes back",
        (Field("dispute", TEXT, "dispute_id"), AMOUNT, MAYBE_INVOICE),
    ),
    EventMap(
        "dispute_lost",
        "the cash stays away",
        (Field("dispute", TEXT, "dispute_id"), AMOUNT, MAYBE_INVOICE),
    ),
    EventMap(
        "invoice_written_off",
        "the receivable is given up; `reason`: bad_debt or concession",
        (INVOICE, AMOUNT, Field("reason", TEXT, "reason", "bad_debt")),
    ),
    EventMap(
        "invoice_recovered", "cash on an invoice that was written off", (INVOICE, AMOUNT, _MAYBE_PAYMENT)
    ),
)
