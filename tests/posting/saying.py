"""Commands of many contracts, short: what matters to the posting agent, and nothing else."""

from __future__ import annotations

from tieout.avro.commands import (
    Cause,
    CommandDocumentLine,
    CommandHeader,
    CustomerUpsert,
    InvoiceCreate,
    JournalLine,
    JournalPost,
    SalesOrderCreate,
)

LANES = {"customer": "master", "order": "document", "invoice": "document", "journal": "journal"}


def command(
    name: str,
    number: int,
    *,
    group: str = "g",
    after: tuple[str, ...] = (),
    amount: int = 100,
    tenant: str = "t",
):
    """``name`` starts with what it is: customer, order, invoice or journal; it is its command id as well."""
    what = name.partition("-")[0]
    kind = {
        "customer": CustomerUpsert,
        "order": SalesOrderCreate,
        "invoice": InvoiceCreate,
        "journal": JournalPost,
    }
    header = CommandHeader(
        command_id=name,
        kind=kind[what].KIND,
        tenant=tenant,
        entity="US",
        book="primary",
        erp_account="erp",
        group_id=group,
        arrangement_id="K@1",
        contract_id="K",
        lane=LANES[what],
        lane_seq=number,
        after=after,
        priority="close_critical" if what == "journal" else "normal",
        posting_date=20_000,
        posting_period="2024-10",
        currency="USD",
        causes=(Cause("inbox", 0, 1),),
        cause_count=1,
        policy_version=1,
        reference_cut=1,
        content_hash=f"hash of {name}",
    )
    match what:
        case "customer":
            return CustomerUpsert(header, "C1", None)
        case "order":
            return SalesOrderCreate(header, "C1", 1, 20_000, 20_365, amount, ())
        case "invoice":
            lines = (CommandDocumentLine(None, "2.2.2", amount, 0, None, None),)
            return InvoiceCreate(header, "C1", name, 20_000, 20_030, amount, 0, "1.2.1", "2.2.3", lines)
        case _:
            lines = (
                JournalLine(
                    "contract_liability", "2.2.2", None, "C1", (), "2024-10", amount, 0, None, None, "r1"
                ),
                JournalLine("revenue", "4.2.2", "S", "C1", (), "2024-10", 0, amount, None, None, "r2"),
            )
            return JournalPost(header, "recognise", None, lines)
