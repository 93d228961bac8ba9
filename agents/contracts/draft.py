"""The ordered output of one decision while it is being written: numbers, ids and hashes of commands.

Invariant: a command's id is a function of tenant, group, cause, kind and its place in the decision's output, so that
replay, and any cut of the log into batches, gives the same ids; a lane's numbers have no hole (domain model 4.3).
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import blake2b
from typing import TypeVar

import msgspec
from msgspec.structs import replace

from tieout.agents.contracts.decision import CausedBy, Refused, Summed, View
from tieout.avro.commands import (
    Command,
    CommandHeader,
    CreditMemoCreate,
    CreditMemoVoid,
    CustomerUpsert,
    InvoiceCreate,
    InvoiceVoid,
    JournalPost,
    JournalReverse,
    SalesOrderCancel,
    SalesOrderCreate,
    SalesOrderHold,
    SalesOrderRelease,
    SalesOrderUpdate,
)
from tieout.avro.control import CommandResolved
from tieout.avro.events import Day
from tieout.avro.outcomes import CrmFeedback, DecisionRecorded, ExceptionItem, RevenueEvent
from tieout.avro.reference import EntityPublished
from tieout.tables.contract import Arrangement, GroupState, Lanes

RULE_VERSION = 1
LANES = ("master", "document", "journal")

_Said = TypeVar(
    "_Said",
    CustomerUpsert,
    SalesOrderCreate,
    SalesOrderUpdate,
    SalesOrderCancel,
    SalesOrderHold,
    SalesOrderRelease,
    InvoiceCreate,
    InvoiceVoid,
    CreditMemoCreate,
    CreditMemoVoid,
    JournalPost,
    JournalReverse,
)
_encode = msgspec.json.Encoder().encode


def ident(*parts: str) -> str:
    """blake2b-128 of the parts, as lower-case hex."""
    return blake2b("\x1f".join(parts).encode(), digest_size=16).hexdigest()


def hashed(command: _Said) -> _Said:
    """The command with the hash of its content in its header."""
    digest = blake2b(_encode(command), digest_size=16).hexdigest()
    return replace(command, header=replace(command.header, content_hash=digest))


class Posting(msgspec.Struct, frozen=True, gc=False):
    """Where and when a command is to be posted; ``contract`` it is about, empty: the arrangement's own."""

    arrangement: Arrangement
    entity: EntityPublished
    day: Day
    period: str
    contract: str = ""


class Draft:
    """Mutable for the length of one decision. Hand the result to ``GroupState`` through ``head``."""

    __slots__ = (
        "_decision_id",
        "_lanes",
        "_revenue_hash",
        "_standing_lanes",
        "cause",
        "commands",
        "decisions",
        "exceptions",
        "feedback",
        "group_id",
        "releases",
        "revenue",
        "summed",
        "tenant",
        "view",
    )

    def __init__(self, state: GroupState, view: View, cause: CausedBy) -> None:
        group = state.group
        self.view = view
        self.cause = cause
        self.tenant = group.tenant
        self.group_id = group.id
        self.commands: list[Command] = []
        self.releases: list[CommandResolved] = []
        self.revenue: list[RevenueEvent] = []
        self.exceptions: list[ExceptionItem] = []
        self.decisions: list[DecisionRecorded] = []
        self.feedback: list[CrmFeedback] = []
        self.summed: list[Summed] = []
        self._standing_lanes = group.lanes
        self._lanes: dict[str, Lanes] = {}
        self._revenue_hash = group.revenue_hash
        self._decision_id = ""

    @property
    def decision_id(self) -> str:
        """The same for everything that one decision says."""
        if not self._decision_id:
            self._decision_id = ident(self.tenant, self.group_id, self.cause.id, "decision")
        return self._decision_id

    def say(
        self,
        build: Callable[[CommandHeader], _Said],
        kind: str,
        lane: str,
        where: Posting,
        after: tuple[str, ...] = (),
    ) -> _Said:
        """Append a command; ``build`` gives it for its header."""
        lane_seq = self._next_number(where.entity.erp_account, lane)
        blank = build(self._header(kind, lane, lane_seq, where, after))
        command = hashed(blank)
        self.commands.append(command)
        return command

    def unsent(self, kind: str, lane: str, where: Posting) -> CommandHeader:
        """Header of what is summed into a batch instead of being sent: it has an id, and no place in a lane."""
        return self._header(kind, lane, 0, where, ())

    def sum(self, summed: Summed) -> None:
        """Append a journal that goes into a batch."""
        self.summed.append(summed)

    def _header(
        self, kind: str, lane: str, lane_seq: int, where: Posting, after: tuple[str, ...]
    ) -> CommandHeader:
        number = len(self.commands) + len(self.summed)
        arrangement = where.arrangement
        # By position: a record of so many fields takes ten times as long to make by name.
        return CommandHeader(
            ident(self.tenant, self.group_id, self.cause.id, kind, str(number)),
            kind,
            self.tenant,
            arrangement.entity,
            arrangement.book,
            where.entity.erp_account,
            self.group_id,
            arrangement.id,
            where.contract or arrangement.contract,
            lane,
            lane_seq,
            after,
            "close_critical" if lane == "journal" else "normal",
            where.day,
            where.period,
            arrangement.currency,
            (self.cause.pointer,),
            1,  # cause_count
            arrangement.policy_version,
            self.view.reference.cut,
            "",  # content_hash
        )

    def release(self, erp_account: str, command_id: str, decision: str) -> None:
        """Append what becomes of a command that stands in its lane. Refused where its ERP account is not published."""
        if self.view.reference.erp_account(erp_account) is None:
            raise Refused("ENTITY_UNRESOLVED", f"ERP account {erp_account!r} is not published", "reference")
        resolved = CommandResolved(
            command_id=command_id,
            decision=decision,
            tenant=self.tenant,
            group_id=self.group_id,
            erp_account=erp_account,
            replaced_by=None,
            document_no=None,
            approver=None,
            resolved_at=self.view.now,
        )
        self.releases.append(resolved)

    def tell(self, event: RevenueEvent) -> None:
        """Append a revenue event; each names the hash of the one before it in the group, ``prev_hash``."""
        assert event.prev_hash == self.prev_hash, event.revenue_event_id
        self._revenue_hash = blake2b(_encode(event), digest_size=16).digest()
        self.revenue.append(event)

    @property
    def prev_hash(self) -> str:
        """What the next revenue event names as the one before it."""
        return self._revenue_hash.hex()

    def head(self, state: GroupState) -> GroupState:
        """The state with the counters as they stand after this output."""
        if not self.commands and not self.revenue:
            return state
        if not self._lanes:
            return replace(state, group=replace(state.group, revenue_hash=self._revenue_hash))
        lanes = tuple([self._lanes[account] for account in sorted(self._lanes)])
        return replace(state, group=replace(state.group, lanes=lanes, revenue_hash=self._revenue_hash))

    def _next_number(self, erp_account: str, lane: str) -> int:
        assert lane in LANES, lane
        if not self._lanes:
            self._lanes = {lanes.erp_account: lanes for lanes in self._standing_lanes}
        lanes = self._lanes.get(erp_account, Lanes(erp_account))
        number: int = getattr(lanes, lane) + 1
        self._lanes[erp_account] = replace(lanes, **{lane: number})
        return number
