"""What commands come to in the books, worked out without the posting agent's own documents."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from tieout.avro.commands import Command, InvoiceCreate, JournalPost


def booked(commands: Iterable[Command]) -> dict[tuple[str, str], int]:
    """(account, currency) -> debit less credit, as journals and invoices say it."""
    found: Counter[tuple[str, str]] = Counter()
    for command in commands:
        currency = command.header.currency
        if isinstance(command, JournalPost):
            for line in command.lines:
                found[line.account, currency] += line.debit_minor - line.credit_minor
        elif isinstance(command, InvoiceCreate):
            found[command.receivable_account, currency] += command.amount_minor + command.tax_minor
            found[command.tax_account, currency] -= command.tax_minor
            for line in command.lines:
                found[line.account, currency] -= line.amount_minor
    return {key: amount for key, amount in found.items() if amount}
