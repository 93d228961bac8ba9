"""Moves: checked one by one, made and posted many at once.

A move is refused here for what can be known before it is made (period, references, balance), so that one bad command does
not spoil a batch; for what only trytond knows, ``command`` tries each alone.
"""

from decimal import Decimal

from trytond.i18n import gettext
from trytond.modules.account.exceptions import PeriodNotFoundError
from trytond.modules.currency.exceptions import RateError
from trytond.pool import Pool
from trytond.transaction import Transaction

from .refusal import Refusal

ZERO = Decimal(0)


class Periods:
    """The open periods of a company by day, and the journals that are closed in them."""

    def __init__(self, company):
        self.company = company
        self._closed = None

    def find(self, date):
        """The period of the day. Refuses with NO_PERIOD, or PERIOD_NOT_OPEN."""
        Period = Pool().get("account.period")
        try:
            period = Period.find(self.company, date=date, test_state=False)
        except PeriodNotFoundError as error:
            raise Refusal("NO_PERIOD", text=error.message) from None
        if period.state == "open":
            return period
        try:
            return Period.find(self.company, date=date)
        except PeriodNotFoundError as error:
            raise Refusal("PERIOD_NOT_OPEN", text=error.message) from None

    def check(self, journal, period):
        """Refuse a journal that is closed in its period: reopening the period does not reopen it."""
        if self._closed is None:
            JournalPeriod = Pool().get("account.journal.period")
            closed = JournalPeriod.search(
                [
                    ("period.company", "=", self.company.id),
                    ("period.state", "=", "open"),
                    ("state", "!=", "open"),
                ]
            )
            self._closed = {(record.journal.id, record.period.id) for record in closed}
        if (journal.id, period.id) in self._closed:
            raise Refusal(
                "PERIOD_NOT_OPEN",
                "msg_journal_period_closed",
                journal=journal.rec_name,
                period=period.rec_name,
            )


def lock(periods, entries):
    """Take the number series that these entries' moves will be numbered from, before anything is read or made.

    Taken where it is first used, trytond would begin the whole transaction again; and a busy one is told at once (503).
    """
    series = set()
    for entry in entries:
        try:
            series.add(periods.find(entry["date"]).move_sequence_used)
        except Refusal:  # told to the entry when its turn comes
            continue
    if series:
        Pool().get("ir.sequence.strict").lock(sorted(series, key=int))


def load(references, entries):
    """Look up what these moves name in one search for each model."""
    lines = [line for entry in entries for line in entry["lines"]]
    references.load("account.journal", {entry["journal"] for entry in entries})
    references.load("currency.currency", {entry["currency"] for entry in entries})
    references.load("account.account", {line["account"] for line in lines})
    references.load("party.party", {line["party"] for line in lines})


def values_of(entry, references, periods):
    """What account.move.create takes for this entry. Refuses what is known not to pass."""
    period = periods.find(entry["date"])
    journal = references.get("account.journal", entry["journal"])
    periods.check(journal, period)
    lines = list(_lines(entry, references))
    if not lines:
        raise Refusal("UNBALANCED", "msg_no_lines")
    debits, credits_ = sum(line["debit"] for line in lines), sum(line["credit"] for line in lines)
    if debits != credits_:
        raise Refusal("UNBALANCED", "msg_unbalanced", debit=debits, credit=credits_)
    return {
        "company": references.company.id,
        "journal": journal.id,
        "date": entry["date"],
        "period": period.id,
        "description": entry.get("description"),
        "lines": [("create", lines)],
    }


def reversal_of(move, entry, periods):
    """What account.move.create takes to take a posted move back on the entry's day, with the move as its origin."""
    if move.state != "posted":
        raise Refusal("DOCUMENT_STATE", "msg_document_state", document=move.rec_name, state=move.state)
    if reversing := Pool().get("account.move").search([("origin", "=", str(move))], limit=1):
        raise Refusal(
            "DOCUMENT_STATE",
            "msg_document_state",
            document=move.rec_name,
            state=gettext("tieout.msg_reversed_by", move=reversing[0].rec_name),
        )
    period = periods.find(entry["date"])
    periods.check(move.journal, period)
    return {
        "company": move.company.id,
        "journal": move.journal.id,
        "date": entry["date"],
        "period": period.id,
        "description": entry.get("description"),
        "origin": str(move),
        "lines": [("create", [_reversed(line) for line in move.lines])],
    }


def post(values):
    """Make and post these moves."""
    Move = Pool().get("account.move")
    moves = Move.create(values)
    Move.post(moves)
    return moves


def _reversed(line):
    foreign = line.second_currency
    return {
        "account": line.account.id,
        "party": line.party.id if line.party else None,
        "debit": line.credit,
        "credit": line.debit,
        "second_currency": foreign.id if foreign else None,
        "amount_second_currency": -line.amount_second_currency if foreign else None,
        "description": line.description,
    }


def _lines(entry, references):
    currency = references.get("currency.currency", entry["currency"])
    foreign = currency != references.company.currency
    told = [_line(line, references) for line in entry["lines"]]
    if not foreign:
        return told
    for values, line in zip(told, entry["lines"], strict=True):
        values["second_currency"] = currency.id
        values["amount_second_currency"] = values["debit"] - values["credit"]
        if line.get("functional_debit") is not None:
            values["debit"], values["credit"] = line["functional_debit"], line["functional_credit"]
            if not values["amount_second_currency"]:
                values["second_currency"] = values["amount_second_currency"] = None
    if any(line.get("functional_debit") is None for line in entry["lines"]):
        _convert(told, entry, references.company.currency, currency)
    return told


def _convert(told, entry, functional, currency):
    """Amounts at the ERP's own rate of the day; the first line, which is the control account's, takes what rounding leaves."""
    Currency = Pool().get("currency.currency")
    total = ZERO
    with Transaction().set_context(date=entry["date"]):
        for values in reversed(told):
            try:
                amount = Currency.compute(currency, values["amount_second_currency"], functional)
            except RateError as error:
                raise Refusal("NO_RATE", text=error.message) from None
            if values is told[0]:
                amount = -total
            total += amount
            values["debit"], values["credit"] = max(amount, ZERO), max(-amount, ZERO)


def _line(line, references):
    account = references.get("account.account", line["account"])
    return {
        "account": account.id,
        "party": references.get("party.party", line["party"]).id if account.party_required else None,
        "debit": line["debit"],
        "credit": line["credit"],
        "description": line.get("description"),
    }
