"""The posting agent of one ERP account: commands in, calls asked for, outcomes settled, contracts told.

It may only send what its log has given it, one command per lane at a time. Invariants: a call is asked for by a committed
row, so that whatever dies is read back and not guessed; every command that came is open, done, or counted away by name; the
number of live commands is bounded, and what is beyond waits in Kafka.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from msgspec.structs import replace

from tieout.agents.dead_letters import dead_letter
from tieout.agents.decode import Decodes, Placement, inbox_key
from tieout.agents.emit import Encodes
from tieout.agents.posting import acks
from tieout.agents.posting.answers import decode_outcome
from tieout.agents.posting.arriving import is_new, missing_before, opened
from tieout.agents.posting.lanes import Lanes
from tieout.agents.posting.ledger import PostingLedger
from tieout.agents.posting.resolving import Unsettled, resolve
from tieout.agents.posting.settling import Patience, Posted, asking, is_in_doubt, sent, settle
from tieout.agents.spec import Effects, LogRecord, MustHalt, NotReady, Output, Rows, TaskContext
from tieout.avro.codec import Undecodable
from tieout.avro.commands import Command
from tieout.avro.control import CommandResolved, Tick
from tieout.avro.events import ErpAccepted, ErpRejected
from tieout.avro.outcomes import PostingTotals
from tieout.tables.posting import Call, OpenCommand, Verb, place_of

TOTALS_MS = 1_000
"""Control totals that have changed are published so often."""


class Room(Protocol):
    """What the shell knows of the account's pace."""

    def free(self) -> int:
        """How many commands may be handed over now, so that each is begun within the time in which it may begin."""
        ...

    @property
    def is_probing(self) -> bool:
        """Whether the next call alone decides if the ERP is well again."""
        ...


class Codec(Decodes, Encodes, Protocol):
    """What the posting agent needs of the event language's codec."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PostingSettings:
    """``live_max``: open commands in lanes that move; ``parked_max``: the quota of those in lanes that stand still.

    What stands still takes none of the window: a person's decision about it comes behind it in the same log.
    """

    input_topic: str
    inbox: str
    dead_letters: str
    control_totals: str = "control-totals"
    live_max: int = 5_000
    parked_max: int = 100_000


class PostingTask:
    """One ERP account's partition (an ``AgentTask``)."""

    def __init__(
        self,
        context: TaskContext,
        settings: PostingSettings,
        *,
        account: str,
        codec: Codec,
        placement: Placement,
        room: Room,
        patience: Patience,
        now_ms: Callable[[], int],
    ) -> None:
        self._rows: Rows = context.rows
        self._partition = context.partition
        self._settings = settings
        self._account = account
        self._codec = codec
        self._placement = placement
        self._room = room
        self._patience = patience
        self._now_ms = now_ms
        self.ledger = PostingLedger(context.rows)
        self.lanes = Lanes(self.ledger.open_commands())
        self._totals_at_ms = 0

    # What the engine calls.

    def step(self, record: LogRecord, effects: Effects) -> None:
        """Take one record. Raises ``NotReady`` where there is no room for one more."""
        message = self._message(record, effects)
        match message:
            case None | Tick():
                return
            case CommandResolved():
                self._resolve(message, record, effects)
            case _:
                self._admit(message, record, effects)

    def outcome(self, key: bytes, outcome: bytes, effects: Effects) -> None:
        """Settle what a call came back with."""
        command = self.lanes.get(*place_of(key))
        assert command is not None, key
        effects.delete(key)
        settled = settle(command, decode_outcome(outcome), self._now_ms(), self._patience)
        if isinstance(settled, Posted):
            self._done(command, settled, effects)
        else:
            self._change(settled, effects)

    def isolate(self, record: LogRecord, reason: str, effects: Effects) -> None:
        """A command that kills the process cannot be set aside: its lane would go on without it."""
        del record, effects
        raise MustHalt(f"a command ends the process ({reason}): install a release that can read it")

    def pending(self) -> bool:
        """Whether a command may go, and there is room for it."""
        return self.lanes.is_due(self._now_ms()) and self._room.free() > 0

    def work(self, effects: Effects, limit: int) -> None:
        """Ask for as many calls as there is room for."""
        now_ms = self._now_ms()
        most = min(limit, self._room.free())
        for command in self.lanes.take(now_ms, most, least_tried=self._room.is_probing):
            asked = asking(command, now_ms) if is_in_doubt(command) else sent(command, now_ms)
            verb: Verb = "find" if asked.state == "asking" else "post"
            body = self.ledger.body(command)
            self._change(asked, effects)
            alone = asked.failing_since_ms > 0
            self.ledger.call(asked, Call(verb, asked.attempts, now_ms, body, alone), effects)

    def flush(self, effects: Effects) -> None:
        """Counters change with nearly every record, and are written once."""
        self.ledger.flush(effects)
        now_ms = self._now_ms()
        if now_ms >= self._totals_at_ms:
            self._totals_at_ms = now_ms + TOTALS_MS
            self._publish_totals(now_ms * 1000, effects)

    def _publish_totals(self, now_us: int, effects: Effects) -> None:
        for entity, period, received, totals in self.ledger.by_period.published():
            said = PostingTotals(self._account, entity, period, now_us, received, totals)
            key = f"{self._account}/{entity}/{period}".encode()
            # By the key: the topic has as many partitions as the inbox, which may be fewer than there are accounts.
            place = self._placement(key)
            effects.emit(Output(self._settings.control_totals, place, key, self._codec.encode(said)))

    # Arrival.

    def _admit(self, command: Command, record: LogRecord, effects: Effects) -> None:
        if command.header.erp_account != self._account:
            raise MustHalt(
                f"the command at offset {record.offset} is for ERP account {command.header.erp_account!r}, and this partition"
                f" is that of {self._account!r}: name the accounts in the file of TIEOUT_ERP_FILE as the published"
                " erp_account rows have them, then restart the worker"
            )
        arrived = opened(command, record.timestamp)
        lane = self.ledger.lane(arrived.lane)
        if not is_new(lane, arrived.place):
            self.ledger.count(arrived, "duplicate")
            return
        if missing_before(lane, arrived.place):
            raise MustHalt(
                f"lane {command.header.lane} of {command.header.tenant}/{command.header.group_id} has commands up to"
                f" {lane.admitted_through}, and {arrived.place} comes next: commands are missing from the log at offset"
                f" {record.offset}; restore the topic, or start with --start-at after reconciling this lane"
            )
        self._check_room()
        assert record.value is not None
        self.ledger.admit(arrived, record.value, effects)
        self.lanes.admit(arrived)

    def _check_room(self) -> None:
        parked = self.lanes.standing_still
        if parked >= self._settings.parked_max:
            raise NotReady(
                f"{parked} commands stand still, as many as may: mend in the ERP what they wait for (tieout posting status);"
                " decisions wait in Kafka behind the commands that there is no room for: raise parked_max of the account in the"
                " file of TIEOUT_ERP_FILE and restart the worker to let them in"
            )
        live = len(self.lanes) - parked
        if live >= self._settings.live_max:
            raise NotReady(f"{live} commands are on their way to the ERP; the rest waits in Kafka")

    def _resolve(self, resolved: CommandResolved, record: LogRecord, effects: Effects) -> None:
        try:
            resolution = resolve(self.lanes, resolved, self._now_ms())
        except Unsettled as unsettled:
            raise NotReady(str(unsettled)) from None
        if isinstance(resolution, str):
            self._dead_letter(record, "bad_resolution", resolution, effects)
            return
        if resolution.confirmed is not None:
            command = self.lanes.find(resolved.command_id)
            assert command is not None
            header = self._command(command).header  # it was posted as it was sent
            posted = Posted(resolution.confirmed, header.posting_date, header.posting_period, duplicate=True)
            self._done(command, posted, effects)
            return
        for changed in resolution.changed:
            self._change(changed, effects)
        if resolution.swapped is not None:
            here, there = resolution.swapped
            replaced = self.lanes.find(resolved.command_id)
            assert replaced is not None
            self.ledger.replaced(replaced)
            self.ledger.swap(here, there, effects)
            self.lanes.change(there)
            self.lanes.change(here)
        self._pass_placed(resolution.lane, effects)

    # Consequences.

    def _change(self, command: OpenCommand, effects: Effects) -> None:
        before = self.lanes.get(command.lane, command.place)
        assert before is not None
        if command.state == "parked" and command.told != (said := acks.gist_of(command)):
            command = replace(command, told=said)
            self._tell(acks.rejected(self._command(command), command, self._now_ms() * 1000), effects)
        self.ledger.change(before, command, effects)
        self.lanes.change(command)

    def _done(self, command: OpenCommand, posted: Posted, effects: Effects) -> None:
        self._tell(acks.accepted(self._command(command), command, posted, self._now_ms() * 1000), effects)
        self.ledger.finish(command, "applied", effects)
        self.lanes.finish(command)
        self._pass_placed(command.lane, effects)

    def _pass_placed(self, lane: str, effects: Effects) -> None:
        """Numbers whose command was posted in another place, or never will be, are done when their turn comes."""
        while (first := self.lanes.first(lane)) is not None and first.state == "placed":
            self.ledger.finish(first, "superseded", effects)
            self.lanes.finish(first)

    def _command(self, command: OpenCommand) -> Command:
        decoded: Any = self._codec.decode(self.ledger.body(command))
        return decoded  # type: ignore[no-any-return] # a body is a command, or it would not have been admitted

    def _tell(self, event: ErpAccepted | ErpRejected, effects: Effects) -> None:
        key = inbox_key(event.envelope.tenant, event.envelope.group_id)
        headers = (("ce_type", f"tieout.{event.EVENT_TYPE}".encode()),)
        effects.emit(
            Output(self._settings.inbox, self._placement(key), key, self._codec.encode(event), headers)
        )

    def _message(self, record: LogRecord, effects: Effects) -> Any:
        if record.value is None:
            self._dead_letter(record, "tombstone", "a command has a value", effects)
            return None
        try:
            message = self._codec.decode(record.value)
        except Undecodable as error:
            raise MustHalt(
                f"the command at offset {record.offset} cannot be read ({error.reason}: {error.detail}); its lane cannot"
                " go on without it: install the release that wrote it"
            ) from None
        if not isinstance(message, Command | CommandResolved | Tick):
            self._dead_letter(record, "not_a_command", f"{type(message).__name__} is no command", effects)
            return None
        return message

    def _dead_letter(self, record: LogRecord, reason: str, detail: str, effects: Effects) -> None:
        letter = dead_letter(
            topic=self._settings.input_topic,
            partition=self._partition,
            offset=record.offset,
            recorded_at_us=record.timestamp * 1000,
            key=record.key,
            value=record.value,
            reason=reason,
            detail=detail,
            schema_id=None,
        )
        key = letter.dead_letter_id.encode()
        effects.emit(Output(self._settings.dead_letters, None, key, self._codec.encode(letter)))
