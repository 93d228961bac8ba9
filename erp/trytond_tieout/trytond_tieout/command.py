"""The register of commands: what was posted under which id, with which content, as which document.

Invariant: a command and its document are made in one transaction, and the pair of company and command id is unique in the
database; so a command has an effect once, however often and from however many places it is sent.
"""

from contextlib import contextmanager
from itertools import groupby

from trytond import backend
from trytond.exceptions import TrytonException
from trytond.model import Index, ModelSQL, Unique, fields
from trytond.model.exceptions import SQLConstraintError
from trytond.pool import Pool
from trytond.rpc import RPC
from trytond.transaction import Transaction, TransactionError, inactive_records

from . import ledger, order
from .references import References
from .refusal import Refusal, savepoint, told

MOVES = ("move", "reverse")
POSTGRESQL_ONLY = (
    f"The module tieout works on PostgreSQL only, not on {backend.name}: SQLite neither locks number series nor checks that"
    " a move balances. Set uri = postgresql://... in the section [database] of the configuration."
)
"""No translated message: it is needed before the module's messages are in the database."""


class _MadeMeanwhileError(TransactionError):
    """Another transaction has made the same record since this one began: begin again, and find it."""


@contextmanager
def _begins_again():
    try:
        yield
    except SQLConstraintError as error:
        raise _MadeMeanwhileError from error


class Command(ModelSQL):
    """One posted command."""

    __name__ = "tieout.command"

    company = fields.Many2One("company.company", "Company", required=True, readonly=True)
    command = fields.Char("Command", required=True, readonly=True, strip=False)
    content = fields.Char("Content Hash", required=True, readonly=True, strip=False)
    kind = fields.Char("Kind", required=True, readonly=True)
    subject = fields.Char(
        "Subject",
        readonly=True,
        strip=False,
        help="What later commands call the document: invoice:INV-7, order:C-1.",
    )
    document = fields.Reference("Document", selection="get_documents", required=True, readonly=True)
    number = fields.Char("Number", readonly=True)
    date = fields.Date("Date", required=True, readonly=True)
    period = fields.Char("Period", readonly=True)

    @classmethod
    def __setup__(cls):
        super().__setup__()
        table = cls.__table__()
        cls._sql_constraints = [
            ("command_unique", Unique(table, table.company, table.command), "tieout.msg_command_unique"),
        ]
        cls._sql_indexes.update(
            {
                Index(table, (table.company, Index.Equality()), (table.subject, Index.Equality())),
                Index(table, (table.document, Index.Equality())),
            }
        )
        cls.__rpc__.update({"post_once": RPC(readonly=False), "find": RPC()})

    @classmethod
    def __register__(cls, module):
        if backend.name != "postgresql":
            raise RuntimeError(POSTGRESQL_ONLY)
        super().__register__(module)

    @classmethod
    def get_documents(cls):
        """Models that a command can make or change."""
        get_name = Pool().get("ir.model").get_name
        return [(model, get_name(model)) for model in ("account.move", "party.party", "sale.sale")]

    @classmethod
    def post_once(cls, company, commands, method=None):
        """Post each command that is new, in this order and in one transaction; one answer each, in the same order.

        ``company``: the code of its party. Command: ``{command, content, kind, action, date, subject, ...}``; the other
        keys depend on the action (README.md). Answer: ``{number, date, period, duplicate}``, or ``{refused, text}`` for a
        command that has left nothing behind. A refused one does not touch the others. ``method``: see ``find``.
        """
        del method
        return _Posting(cls, _company(company), commands).run()

    @classmethod
    def find(cls, company, commands, method=None):
        """What is registered under these ids, in the same order: ``{content, number, date, period, state}``, or None.

        ``state``: posted; draft; reversed, when another document takes it back or it is gone. ``method`` only has to be in
        the request: without that key trytond answers 400 "Unable to get RPC method" to whatever error it did not foresee,
        a lock or a lost database among them; with it 503 and the error's text, or 500.
        """
        del method
        company = _company(company)
        found = cls.search([("company", "=", company.id), ("command", "in", list(commands))])
        Move = Pool().get("account.move")
        moves = {str(each.document) for each in found if isinstance(each.document, Move)}
        reversing = Move.search([("origin", "in", list(moves)), ("state", "=", "posted")])
        reversed_ = {str(move.origin) for move in reversing}
        by_id = {
            each.command: each.receipt() | {"content": each.content, "state": each.document_state(reversed_)}
            for each in found
        }
        return [by_id.get(command) for command in commands]

    def receipt(self):
        """What is told of a posted command."""
        return {"number": self.number, "date": self.date, "period": self.period}

    def document_state(self, reversed_):
        """posted, draft or reversed; ``reversed_``: the moves that are."""
        document = self.document
        if document is None or not document.__class__.search([("id", "=", document.id)], limit=1):
            return "reversed"
        if document.__name__ == "account.move":
            if str(document) in reversed_:
                return "reversed"
            return document.state
        return "posted"


def _company(code):
    found = Pool().get("company.company").search([("party.code", "=", code)], limit=1)
    if not found:
        what = Pool().get("ir.model").get_name("company.company").lower()
        raise Refusal("UNKNOWN_REFERENCE", "msg_unknown_reference", what=what, code=code)
    return found[0]


class _Posting:
    """One call of post_once."""

    def __init__(self, register, company, entries):
        self.register = register
        self.company = company
        self.entries = entries
        self.references = References(company)
        self.periods = ledger.Periods(company)
        self.known = {}

    def run(self):
        self._look_up([entry["command"] for entry in self.entries])
        new = [entry for entry in self.entries if entry["command"] not in self.known]
        ledger.lock(self.periods, [entry for entry in new if entry["action"] in MOVES])
        ledger.load(self.references, [entry for entry in new if entry["action"] == "move"])
        answers = []
        with Transaction().set_context(company=self.company.id):
            for many, entries in groupby(self.entries, lambda entry: entry["action"] == "move"):
                batch = list(entries)
                answers += self._together(batch) if many else [self._alone(entry) for entry in batch]
        return answers

    def _look_up(self, commands):
        rows = self.register.search([("company", "=", self.company.id), ("command", "in", commands)])
        self.known |= {row.command: row for row in rows}

    def _together(self, entries):
        """Moves: what is known to be wrong is refused, the rest is posted at once."""
        fresh, refused = {}, {}
        for entry in entries:
            if entry["command"] in self.known or entry["command"] in fresh:
                continue
            try:
                fresh[entry["command"]] = entry, ledger.values_of(entry, self.references, self.periods)
            except TrytonException as error:
                refused[entry["command"]] = told(error)
        refused |= self._in_halves(list(fresh.values()))
        answers = []
        for entry in entries:
            command = entry["command"]
            answers.append(refused.get(command) or self._receipt(entry, duplicate=command not in fresh))
            fresh.pop(command, None)
        return answers

    def _in_halves(self, pairs):
        """Post these; where trytond refuses them, each half, down to the one that is refused. Returns the refusals."""
        if not pairs:
            return {}
        try:
            with savepoint():
                self._post_moves(pairs)
        except TrytonException as error:
            if len(pairs) == 1:
                return {pairs[0][0]["command"]: told(error)}
            middle = len(pairs) // 2
            return self._in_halves(pairs[:middle]) | self._in_halves(pairs[middle:])
        return {}

    def _post_moves(self, pairs):
        moves = ledger.post([values for _, values in pairs])
        self._register([(entry, move) for (entry, _), move in zip(pairs, moves, strict=True)])

    def _alone(self, entry):
        if entry["command"] in self.known:
            return self._receipt(entry, duplicate=True)
        try:
            with savepoint():
                self._register([(entry, self._effect(entry))])
        except TrytonException as error:
            return told(error)
        return self._receipt(entry, duplicate=False)

    def _effect(self, entry):
        match entry["action"]:
            case "reverse":
                move = self._document(entry["of"], entry.get("of_subject"))
                return ledger.post([ledger.reversal_of(move, entry, self.periods)])[0]
            case "party":
                return self._party(entry)
            case "order":
                return order.put(entry, self.references, None)
            case "order_update":
                return order.put(entry, self.references, self._document(None, entry["subject"]))
            case "order_hold" | "order_release" | "order_cancel" as action:
                sale = self._document(None, entry["subject"])
                getattr(order, action.removeprefix("order_"))(entry, sale)
                return sale
            case action:
                raise Refusal("NOT_SUPPORTED", "msg_not_supported", action=action)

    def _party(self, entry):
        """The customer by its code; made where it is missing."""
        Party = Pool().get("party.party")
        with inactive_records():
            found = Party.search([("code", "=", entry["party"])], limit=1)
        if found:
            return found[0]
        values = {"name": entry["party"], "code": entry["party"], "addresses": [("create", [{}])]}
        with _begins_again():
            return Party.create([values])[0]

    def _document(self, command, subject):
        """The document of a command, or the last one that was called ``subject``."""
        name, value = ("command", command) if command else ("subject", subject)
        domain = [("company", "=", self.company.id), (name, "=", value)]
        rows = self.register.search(domain, order=[("id", "DESC")], limit=1)
        if not rows:
            raise Refusal("DOCUMENT_STATE", "msg_unknown_reference", what=name, code=value)
        return rows[0].document

    def _register(self, pairs):
        values = [self._row(entry, document) for entry, document in pairs]
        with _begins_again():
            rows = self.register.create(values)
        self.known |= {row.command: row for row in rows}

    def _row(self, entry, document):
        period = getattr(document, "period", None)
        return {
            "company": self.company.id,
            "command": entry["command"],
            "content": entry["content"],
            "kind": entry["kind"],
            "subject": entry.get("subject"),
            "document": str(document),
            "number": getattr(document, "number", None) or getattr(document, "code", None),
            "date": entry["date"],
            "period": period.name if period else None,
        }

    def _receipt(self, entry, *, duplicate):
        row = self.known[entry["command"]]
        if row.content != entry["content"]:
            return told(Refusal("KEY_CONFLICT", "msg_key_conflict", command=entry["command"]))
        return row.receipt() | {"duplicate": duplicate}
