"""Documents and cash of one contract, walked by day: what is due, what customers owe, what was given up.

Sources: 606-10-45-2..4, Examples 38 to 40, domain model 2.6. Invariant: documents of a day come before its cash; cash
settles what is open, what is left of it is an advance, and due.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from oracle.lives.told import Document, Estimate, NoRule, Relief, Told

PERFORMED = {"concession_past", "sla_credit", "implicit_concession"}
VERSION = {"refund_proportional", "rebate", "consideration_payable"}
PRICE_ONLY = {"future_discount"}
NO_PRICE = {"billing_error", "rebill", "tax_only", "duplicate", "settles_modification", "return"}
ORDER = ("invoice_posted", "debit_memo_issued", "payment_right_established", "credit_memo_issued", "invoice_voided",
         "invoice_written_off", "invoice_recovered", "payment_received", "payment_refunded")  # fmt: skip


class Dated(NamedTuple):
    at: int
    amount: int


def until(moves: list[Dated], day: int) -> int:
    """Sum of what is dated until a day."""
    return sum(each.amount for each in moves if each.at <= day)


@dataclass
class Moved:
    """Movements by day: due by arrangement, and the classes that documents book."""

    due: dict[int, list[Dated]] = field(default_factory=dict)
    classes: dict[str, list[Dated]] = field(default_factory=dict)

    def owe(self, arrangement: int, at: int, amount: int) -> None:
        self.due.setdefault(arrangement, []).append(Dated(at, amount))

    def book(self, account: str, at: int, amount: int) -> None:
        self.classes.setdefault(account, []).append(Dated(at, amount))


def in_order(told: Told) -> list[Document]:
    """By day; on one day documents before cash."""
    known = {each.id for each in told.documents}
    for each in told.documents:
        named = {each.says[key] for key in ("invoice", "credit_memo") if key in each.says}
        if named - known:
            raise NoRule(f"{each.id} names {sorted(named - known)}, which nobody told")
    return sorted(told.documents, key=lambda each: (each.at, ORDER.index(each.kind), each.id))


def price_effects(told: Told, homes: Mapping[str, int]) -> Iterator[tuple[int, int, str, Document]]:
    """(arrangement, day, reach, memo) of the credit memos that move the price (2.6)."""
    for each in told.documents:
        if each.kind != "credit_memo_issued":
            continue
        reason = each.says.get("reason")
        reach = next(
            (
                name
                for name, reasons in (
                    ("performed", PERFORMED),
                    ("version", VERSION),
                    ("price_only", PRICE_ONLY),
                )
                if reason in reasons
            ),
            "none",
        )
        if reach == "none" and reason not in NO_PRICE:
            raise NoRule(f"a credit because of {reason}")
        if reach != "none":
            yield home(each, homes, told), each.at, reach, each


def home(document: Document, homes: Mapping[str, int], told: Told) -> int:
    """The arrangement that a document is for: that of its line, else the contract's first."""
    said = document.says
    if "po" not in said and "invoice" in said:
        named = next((each for each in told.documents if each.id == said["invoice"]), None)
        return homes[min(homes)] if named is None else home(named, homes, told)
    if "po" in said:
        return homes[said["po"]]
    if len(set(homes.values())) > 1:
        raise NoRule("a document without a line, and several arrangements")
    return next(iter(homes.values()))


class Walk:
    """The walk itself. ``earned(arrangement, day)`` is asked for write-offs alone."""

    def __init__(self, told: Told, homes: Mapping[str, int], earned: Callable[[int, int], int]) -> None:
        self._told, self._homes, self._earned = told, homes, earned
        self.moved = Moved()
        self.reliefs: dict[str, int] = {}
        self._open: Counter[str] = Counter()
        self._due: dict[str, int] = {}
        self._given_up: dict[str, list[list[int]]] = {}
        """Invoice -> [what is still given up, how much of it is expense] of each write-off, the first one first."""
        self._advances = 0

    def walk(self, through: int) -> Moved:
        for document in in_order(self._told):
            if document.at <= through:
                getattr(self, f"_{document.kind}")(document)
        return self.moved

    def _charge(self, document: Document) -> None:
        gross = document.amount + document.tax
        self._open[document.id] += gross
        self._due[document.id] = document.at
        self.moved.owe(home(document, self._homes, self._told), document.at, document.amount)
        self.moved.book("accounts_receivable", document.at, gross)

    _invoice_posted = _debit_memo_issued = _payment_right_established = _charge

    def _credit_memo_issued(self, document: Document) -> None:
        gross = document.amount + document.tax
        if "invoice" in document.says:
            self._open[document.says["invoice"]] -= gross
        if document.says.get("reason") != "tax_only":
            self.moved.owe(home(document, self._homes, self._told), document.at, -document.amount)
        self.moved.book("accounts_receivable", document.at, -gross)

    def _invoice_voided(self, document: Document) -> None:
        invoice = next(each for each in self._told.documents if each.id == document.says["invoice"])
        still = self._open[invoice.id]
        if still != invoice.amount + invoice.tax:
            raise NoRule("the void of an invoice that was paid or credited")
        self._open[invoice.id] = 0
        self.moved.owe(home(invoice, self._homes, self._told), document.at, -invoice.amount)
        self.moved.book("accounts_receivable", document.at, -still)

    def _invoice_written_off(self, document: Document) -> None:
        name = document.says["invoice"]
        invoice = next(each for each in self._told.documents if each.id == name)
        if document.says.get("reason") != "bad_debt" or invoice.tax:
            raise NoRule("a write-off that is no bad debt, or of tax")
        arrangement = home(invoice, self._homes, self._told)
        expense = min(document.amount, max(0, self._earned(arrangement, document.at - 1)))
        self.reliefs[document.id] = document.amount - expense
        self._open[name] -= document.amount
        self._given_up.setdefault(name, []).append([document.amount, expense])
        self.moved.owe(arrangement, document.at, expense - document.amount)
        self.moved.book("accounts_receivable", document.at, -document.amount)
        self.moved.book("bad_debt", document.at, expense)

    def _invoice_recovered(self, document: Document) -> None:
        back, left = 0, document.amount
        for given_up in self._given_up.get(document.says["invoice"], []):
            part = min(left, given_up[0])
            expense = min(part, given_up[1])
            given_up[:] = given_up[0] - part, given_up[1] - expense
            back, left = back + expense, left - part
        self.moved.book("bad_debt", document.at, -back)
        self.moved.book("cash", document.at, document.amount)
        self.moved.owe(home(document, self._homes, self._told), document.at, document.amount - back)

    def _payment_received(self, document: Document) -> None:
        left = document.amount
        named = document.says.get("invoice")
        for name in [named] if named else sorted(self._open, key=lambda each: (self._due[each], each)):
            applied = min(left, max(0, self._open[name]))
            self._open[name] -= applied
            left -= applied
        self.moved.book("accounts_receivable", document.at, left - document.amount)
        self.moved.book("cash", document.at, document.amount)
        if left:
            self._advances += left
            self.moved.owe(min(self._homes.values()), document.at, left)

    def _payment_refunded(self, document: Document) -> None:
        if document.amount > until(self.moved.classes.get("cash", []), document.at):
            raise NoRule("a refund of more than was paid")
        self.moved.book("cash", document.at, -document.amount)
        memo = next(
            (each for each in self._told.documents if each.id == document.says.get("credit_memo")), None
        )
        if memo is not None:
            self._open[memo.says["invoice"]] += document.amount
            self.moved.book("accounts_receivable", document.at, document.amount)
            return
        if any(amount < 0 for amount in self._open.values()) or document.amount > self._advances:
            raise NoRule("a refund of more than advances that names no credit")
        self._advances -= document.amount
        self.moved.owe(min(self._homes.values()), document.at, -document.amount)


def relief_of(document: Document) -> Relief:
    """A write-off as what it may take off the price."""
    return Relief(document.id, document.at, document.amount)


def of_a_memo(memo: Document, reach: str, version: int) -> Estimate:
    """The price effect of a credit memo, from its day on."""
    return Estimate(f"memo {memo.id}", memo.at, -memo.amount, reach, version, None, refundable=False)
