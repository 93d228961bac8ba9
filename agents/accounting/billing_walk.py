"""One walk through the billing and cash of a contract, fact by fact, with what is open of each document.

Invariants: what a payment settles, the document that it names comes first, then the oldest open one; what it leaves is
an advance (Example 38); the sum of the receivables that movements made is what is open, credits deducted; what is
undone was there before, and comes back where it was taken from.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec.structs import replace

from tieout.agents.accounting.billing_order import Fact, charged_on
from tieout.agents.accounting.credit_balances import CreditBalances
from tieout.agents.accounting.document_parts import Part, parts_of, stated_parts
from tieout.agents.accounting.rounding import rounded_share
from tieout.agents.accounting.write_offs import PRICE_KEPT, come_back
from tieout.avro.events import Day, Minor
from tieout.tables.derived import Account606, Movement, WriteOff
from tieout.tables.documents import DUE_UNCHANGED, Act, Cash, DocLine, Documents


class Walk:
    """What stands while facts are taken in order. ``own``: the arrangement in which cash without a receivable is due.

    ``open``: document -> what is left of it; ``settled``: documents of which nothing was left at some time.
    """

    def __init__(self, documents: Documents, contract: str, homes: Mapping[str, str], own: str) -> None:
        self._documents, self._homes, self._own = documents, homes, own
        self._contract = contract
        self.movements: list[Movement] = []
        self.advances: list[tuple[Day, Minor]] = []
        self.open: dict[str, Minor] = {}
        self.settled: list[str] = []
        self.taken: dict[str, dict[str, Minor]] = {}
        self._receivable: Minor = 0
        self._gone: set[str] = set()
        self._settled: dict[str, dict[str, Minor]] = {}
        self._held: dict[str, Minor] = {}
        self._early: dict[str, dict[str, Minor]] = {}
        self._credited: dict[str, dict[str, Minor]] = {}
        self._given_up: list[WriteOff] = []
        self._dated: dict[str, Day] = {}
        self._received: dict[str, Day] = {}
        self._over = CreditBalances()

    def go_on(self, account: Account606) -> None:
        """Stand where a walk without acts ended; what only acts would look at is not known."""
        self.open = dict(account.open)
        self._early = {doc: dict(payments) for doc, payments in account.early.items()}
        self._receivable = account.receivable.total

    def early(self) -> dict[str, dict[str, Minor]]:
        """Cash by the document that it names and that has not come yet."""
        return {doc: payments for doc, payments in self._early.items() if doc not in self.open}

    def take(self, fact: Fact) -> None:
        """The next fact."""
        each = fact[3]
        if isinstance(each, DocLine):
            if each.doc in self._gone:
                return
            if each.kind == "credit_memo":
                self._credit(each)
            else:
                part = Part(self._home(each), each.amount + each.tax, each.amount)
                self._charge(each.at, each.doc, part, each.cause.offset)
        elif isinstance(each, Cash):
            self._pay(each)
        else:
            getattr(self, f"_{each.kind}")(each)

    def written_off(self) -> tuple[WriteOff, ...]:
        """Receivables given up, by day and id."""
        return tuple(self._given_up)

    # What adds to what is open, and what credits it.

    def _charge(self, at: Day, doc: str, part: Part, offset: int) -> None:
        self._dated.setdefault(doc, at)
        self._move(at, part.arrangement, "charge", part.net, part.gross, doc, offset)
        self._receivable += part.gross
        self.open[doc] = self.open.get(doc, 0) + part.gross
        left = part.gross
        early = self._early.get(doc)
        for payment, amount in early.items() if early else ():
            taken = min(amount, left)
            if taken:
                left -= taken
                self._early[doc][payment] -= taken
                self._hold(at, payment, -taken, doc, offset)
                self._receivable -= taken
                self.open[doc] -= taken
                self._settle(payment, doc, taken)
        if not self.open[doc]:
            self.settled.append(doc)

    def _credit(self, line: DocLine) -> None:
        gross = line.amount + line.tax
        net = 0 if line.reason == DUE_UNCHANGED else line.amount
        rated_on = self._rated(line.ref or "", line.at)
        self._move(line.at, self._home(line), "credit", -net, -gross, line.doc, line.cause.offset, rated_on)
        self._receivable -= gross
        taken = self._take_open(gross, line.ref, others=line.ref is None)
        self._over.add(line.doc, rated_on, gross - sum(taken.values()))
        known = self._credited.setdefault(line.doc, {})
        for doc, amount in taken.items():
            known[doc] = known.get(doc, 0) + amount

    def _right(self, act: Act) -> None:
        """A right without an invoice, or that of a conditional one, which counts from now (606-10-45-4)."""
        lines = [line for line in self._lines(act.doc) if not line.unconditional] if act.doc else []
        if not lines:
            home = self._homes.get(act.ref, self._own) if act.ref else self._own
            self._charge(act.at, act.id, Part(home, act.amount, act.amount), act.cause.offset)
            return
        for arrangement, _, net in parts_of(stated_parts(lines, self._home, taxed=False), act.amount):
            tax = sum(line.tax for line in lines)
            stated = sum(line.amount for line in lines)
            gross = net + (rounded_share(tax, net, stated) if stated else 0)
            self._charge(act.at, act.doc, Part(arrangement, gross, net), act.cause.offset)

    # Cash, and what undoes it.

    def _pay(self, cash: Cash) -> None:
        applied = min(max(self._receivable, self.open.get(cash.doc or "", 0), 0), cash.amount)
        self._receivable -= applied
        payment, offset = _object(cash.id), cash.cause.offset
        self._received[payment] = cash.at
        taken = self._take_open(applied, cash.doc, others=True)
        for doc, amount in taken.items():
            self._settle(payment, doc, amount)
        settled = self._by_day(taken, cash.at, -1)
        self._move(cash.at, self._own, "payment", 0, -cash.amount, cash.doc or "", offset, cash.at, settled)
        rest = cash.amount - applied
        if rest:
            self._hold(cash.at, payment, rest, cash.doc or "", offset)
            if cash.doc is not None and cash.doc not in self.open:
                early = self._early.setdefault(cash.doc, {})
                early[payment] = early.get(payment, 0) + rest

    def _unapply(self, act: Act) -> None:
        """Cash comes off what it settled, and stays as an advance."""
        opened = self._unsettle(act.doc, act.amount, act.ref)
        back = sum(opened.values())
        self._receivable += back
        self._hold(act.at, act.doc, back, act.ref, act.cause.offset, opened)

    def _reverse(self, act: Act) -> None:
        """The cash is gone: first what had no receivable, then what it settled is open again."""
        held = min(act.amount, self._held.get(act.doc, 0))
        self._pay_out(act, act.doc, held)
        self._reopen(act, act.doc, act.amount - held, "reverse")

    def _refund(self, act: Act) -> None:
        """Cash goes back: for the credit it names, else a credit balance, else advances, the named payment's first."""
        credit = act.amount if act.doc else min(act.amount, max(0, -self._receivable))
        rest = act.amount - credit
        for payment in sorted(self._held, key=lambda each: (each != act.ref, each)):
            held = min(rest, self._held[payment])
            self._pay_out(act, payment, held)
            rest -= held
        self._receivable += credit + rest
        given = self._over.taken(credit, act.doc)
        self._move(act.at, self._own, "refund", 0, credit + rest, act.doc, act.cause.offset, act.at, given)

    def _dispute(self, act: Act) -> None:
        """The customer's bank takes the cash back; what it had settled is open again."""
        self._receivable += act.amount
        if act.ref:
            self.open[act.ref] = self.open.get(act.ref, 0) + act.amount
        rated_on = self._rated(act.ref, act.at)
        self._move(act.at, self._own, "dispute", 0, act.amount, act.ref, act.cause.offset, rated_on)

    def _price_dispute(self, act: Act) -> None:
        """The same, where policy says that the price goes with it: nothing is open again."""
        self._disputed(act, act.at, 1, act.cause.offset)

    def _dispute_won(self, act: Act) -> None:
        """The cash comes back."""
        opened = next((each for each in self._documents.acts if each.doc == act.doc and "dispute" in each.kind
                       and each.kind != "dispute_won" and each.contract == self._contract), None)  # fmt: skip
        if opened is None:
            return
        if opened.kind == "price_dispute":
            self._disputed(replace(opened, amount=act.amount), act.at, -1, act.cause.offset)
            return
        self._receivable -= act.amount
        taken = self._by_day(self._take_open(act.amount, opened.ref or None, others=True), act.at, -1)
        self._move(act.at, self._own, "dispute", 0, -act.amount, opened.ref, act.cause.offset, act.at, taken)

    def _disputed(self, act: Act, at: Day, sign: int, offset: int) -> None:
        for arrangement, gross, net in self.parts(act.ref, act.amount):
            rated_on = self._rated(act.ref, at)
            self._move(at, arrangement, "dispute", -sign * net, 0, act.ref, offset, rated_on)
            if sign > 0:
                self.taken.setdefault(act.id, {})[arrangement] = net
            tax = sign * (gross - net)
            if tax:
                self._move(at, arrangement, "credit", 0, -tax, act.ref, offset, rated_on)
                self._move(at, arrangement, "dispute", 0, tax, act.ref, offset, rated_on)

    # The customer's balance with us.

    def _grant(self, act: Act) -> None:
        self._receivable += act.amount
        if act.doc:
            self.open[act.doc] = self.open.get(act.doc, 0) + act.amount
        rated_on = self._rated(act.doc, act.at)
        self._move(act.at, self._own, "balance", 0, act.amount, act.doc, act.cause.offset, rated_on)

    def _apply(self, act: Act) -> None:
        self._receivable -= act.amount
        taken = self._by_day(self._take_open(act.amount, act.doc or None, others=True), act.at, -1)
        self._move(act.at, self._own, "balance", 0, -act.amount, act.doc, act.cause.offset, act.at, taken)

    # What is given up.

    def _concession(self, act: Act) -> None:
        """A price concession (606-10-32-7): a credit of the invoice."""
        rated_on = self._rated(act.doc, act.at)
        for arrangement, gross, net in self.parts(act.doc, act.amount):
            self._move(act.at, arrangement, "credit", -net, -gross, act.doc, act.cause.offset, rated_on)
            self._receivable -= gross
            self.taken.setdefault(act.id, {})[arrangement] = net
        taken = self._take_open(act.amount, act.doc, others=False)
        self._over.add(act.id, rated_on, act.amount - sum(taken.values()))

    def _write_off(self, act: Act) -> None:
        """The receivable goes; how much of it is expense is known where revenue is (310-10-35)."""
        rated_on, offset = self._rated(act.doc, act.at), act.cause.offset
        for arrangement, gross, net in self.parts(act.doc, act.amount):
            self._move(act.at, arrangement, "write_off", 0, -gross, act.doc, offset, rated_on)
            self._receivable -= gross
            gone = WriteOff(act.id, act.doc, arrangement, act.at, gross, net, offset, rated_on)
            self._given_up.append(gone._replace(keeps_price=act.reason == PRICE_KEPT))
        self._take_open(act.amount, act.doc, others=False)

    def _recovery(self, act: Act) -> None:
        """Cash on what was given up, the first write-off before others; where nothing was, a payment."""
        if not any(each.doc == act.doc for each in self._given_up):
            self._pay(Cash(act.id, act.contract, act.at, act.amount, act.doc, act.cause))
            return
        for write_off, amounts in come_back(self._given_up, act.doc, act.amount):
            self._later(act, "recovered", amounts, write_off)

    def _void(self, act: Act) -> None:
        """What is still open of a document is owed no more; a write-off of it ends."""
        if act.doc in self._gone:
            return
        self._gone.add(act.doc)
        left = self.open.pop(act.doc, 0)
        effects = self.taken.setdefault(act.id, {})
        rated_on = self._rated(act.doc, act.at)
        for arrangement, gross, net in self.parts(act.doc, left) if left else ():
            self._move(act.at, arrangement, "void", -net, -gross, act.doc, act.cause.offset, rated_on)
            self._receivable -= gross
            effects[arrangement] = effects.get(arrangement, 0) + net
        for each in self._given_up:
            if each.doc == act.doc:
                effects.setdefault(each.arrangement, 0)
        self._later(act, "voided", dict.fromkeys(effects, 0))

    def _memo_void(self, act: Act) -> None:
        """A credit ends: what it took is open again."""
        if act.doc in self._gone:
            return
        self._gone.add(act.doc)
        self._over.end(act.doc)
        for line in self._lines(act.doc):
            if line.at > act.at:
                continue
            net = 0 if line.reason == DUE_UNCHANGED else line.amount
            gross = line.amount + line.tax
            rated_on = self._rated(line.ref or "", line.at)
            self._move(act.at, self._home(line), "credit", net, gross, line.doc, act.cause.offset, rated_on)
            self._receivable += gross
        for doc, amount in self._credited.pop(act.doc, {}).items():
            self.open[doc] = self.open.get(doc, 0) + amount

    def parts(self, doc: str, amount: Minor) -> list[Part]:
        """An amount of a document over the arrangements that its lines bill; without lines, all in the first one."""
        lines = self._lines(doc)
        return parts_of(stated_parts(lines, self._home, taxed=True), amount) or [
            Part(self._own, amount, amount)
        ]

    def _later(self, act: Act, kind: str, amounts: Mapping[str, Minor], write_off: str | None = None) -> None:
        """What becomes of the write-offs of a document, or of one of them."""
        for place, each in enumerate(self._given_up):
            if each.doc == act.doc and each.arrangement in amounts and write_off in (None, each.id):
                later = (*each.later, (act.at, kind, amounts[each.arrangement], act.cause.offset))
                self._given_up[place] = each._replace(later=later)

    def _reopen(self, act: Act, payment: str, amount: Minor, kind: str) -> None:
        if amount > 0:
            opened = self._by_day(self._unsettle(payment, amount, act.ref), act.at, 1)
            self._receivable += amount
            self._move(act.at, self._own, kind, 0, amount, act.ref, act.cause.offset, act.at, opened)

    def _pay_out(self, act: Act, payment: str, amount: Minor) -> None:
        """An advance goes back."""
        if amount > 0:
            self._held[payment] -= amount
            self.advances.append((act.at, -amount))
            rated_on = self._received.get(payment, act.at)
            self._move(act.at, self._own, "refund", -amount, 0, act.doc, act.cause.offset, rated_on)

    def _hold(
        self,
        at: Day,
        payment: str,
        amount: Minor,
        doc: str,
        offset: int,
        opened: Mapping[str, Minor] | None = None,
    ) -> None:
        """Cash becomes an advance, or settles a document; what it had settled and is ``opened`` keeps its rates."""
        if amount:
            self._held[payment] = self._held.get(payment, 0) + amount
            self.advances.append((at, amount))
            rated_on = self._received.get(payment, at) if opened else at
            parts = self._by_day(opened or {}, at, 1)
            self._move(at, self._own, "advance", amount, amount, doc, offset, rated_on, parts)

    def _settle(self, payment: str, doc: str, amount: Minor) -> None:
        settled = self._settled.setdefault(payment, {})
        settled[doc] = settled.get(doc, 0) + amount

    def _unsettle(self, payment: str, amount: Minor, first: str) -> dict[str, Minor]:
        """Open again what a payment settled, the named document before others; how much of each."""
        settled, left = self._settled.get(payment, {}), amount
        opened: dict[str, Minor] = {}
        for doc in sorted(settled, key=lambda each: each != first):
            taken = min(settled[doc], left)
            settled[doc] -= taken
            left -= taken
            self.open[doc] = self.open.get(doc, 0) + taken
            opened[doc] = taken
        return opened

    def _take_open(self, amount: Minor, named: str | None, *, others: bool) -> dict[str, Minor]:
        """Take from what is open of the named document, then, with ``others``, of the oldest."""
        taken: dict[str, Minor] = {}
        if named is not None and named in self.open:
            amount -= self._take_from(named, amount, taken)
        if others and amount > 0:
            for doc in self.open:
                amount -= self._take_from(doc, amount, taken)
                if not amount:
                    break
        return taken

    def _take_from(self, doc: str, amount: Minor, taken: dict[str, Minor]) -> Minor:
        part = max(0, min(amount, self.open[doc]))
        if part:
            self.open[doc] -= part
            if not self.open[doc]:
                self.settled.append(doc)
            taken[doc] = taken.get(doc, 0) + part
        return part

    def _move(
        self,
        at: Day,
        arrangement: str,
        kind: str,
        due: Minor,
        receivable: Minor,
        doc: str,
        offset: int,
        rated_on: Day | None = None,
        settled: tuple[tuple[Day, Minor], ...] = (),
    ) -> None:
        day = at if rated_on is None else rated_on
        self.movements.append(Movement(at, arrangement, kind, due, receivable, doc, offset, day, settled))

    def _rated(self, doc: str, at: Day) -> Day:
        """The day whose rate translates what happens to a document: that of its charge, where it was charged before."""
        charged = self._dated.get(doc) or charged_on(self._documents, doc, self._contract)
        return at if charged is None else min(charged, at)

    def _by_day(self, amounts: Mapping[str, Minor], at: Day, sign: int) -> tuple[tuple[Day, Minor], ...]:
        """What is taken from, or given back to, documents at a day, by the days that these are rated on."""
        return tuple([(self._rated(doc, at), sign * amount) for doc, amount in amounts.items() if amount])

    def _lines(self, doc: str) -> list[DocLine]:
        return [each for each in self._documents.numbered(doc) if each.contract == self._contract]

    def _home(self, line: DocLine) -> str:
        return self._homes.get(line.po, line.arrangement) if line.po is not None else line.arrangement


def _object(cash: str) -> str:
    """The payment as events name it: by its object id."""
    return cash.rpartition("\x1f")[2]
