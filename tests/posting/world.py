"""A posting task on rows in memory, an ERP in memory, and time that a test moves: no engine, no event loop."""

from __future__ import annotations

from dataclasses import dataclass, field

from posting.memory_erp import MemoryErp

from tieout.agents.posting.agent import Account, posting_agent
from tieout.agents.posting.answers import Missing, Outcome, Unfinished, encode_outcome
from tieout.agents.posting.settling import Patience
from tieout.agents.posting.task import PostingSettings, PostingTask
from tieout.avro.codec import Codec
from tieout.avro.commands import Command, CustomerUpsert, InvoiceCreate, JournalPost, SalesOrderCreate
from tieout.avro.control import CommandResolved
from tieout.streams.testing import Harness
from tieout.tables.posting import CALL_ROWS, CALLS

CODEC = Codec.load()
SETTINGS = PostingSettings(input_topic="commands", inbox="inbox", dead_letters="dead", live_max=50)
ABOUT = {
    CustomerUpsert.KIND: "master",
    SalesOrderCreate.KIND: "document",
    InvoiceCreate.KIND: "document",
    JournalPost.KIND: "journal",
}


@dataclass
class World:
    """``room`` is what the account has; ``calls`` are the committed rows whose call has not ended."""

    erp: MemoryErp = field(default_factory=MemoryErp)
    now_ms: int = 1_000_000
    room: int = 5
    settings: PostingSettings = SETTINGS
    account: str = "erp"
    parked_max: int | None = None
    is_probing: bool = False

    def __post_init__(self) -> None:
        patience = Patience(conclusive_ms=2_000, resend_is_safe=self.erp.unique)
        spec = posting_agent(
            self.settings,
            {0: Account(name=self.account, room=self, patience=patience, parked_max=self.parked_max)},
            changelog_topic="posting-changelog",
            codec=CODEC,
            placement=lambda _: 0,
            now_ms=lambda: self.now_ms,
            opened=lambda _partition, _task: None,
        )
        self.harness = Harness(spec)

    @property
    def task(self) -> PostingTask:
        assert isinstance(self.harness.task, PostingTask)
        return self.harness.task

    def free(self) -> int:
        return max(0, self.room - len(self.calls()))

    def calls(self) -> dict[bytes, bytes]:
        return dict(self.harness.store.scan(CALL_ROWS))

    def say(self, *messages: Command | CommandResolved) -> None:
        self.harness.feed([(b"k", CODEC.encode(message)) for message in messages], self.now_ms)

    def resolve(self, command_id: str, decision: str, replaced_by: str | None = None) -> None:
        self.say(
            CommandResolved(
                command_id, decision, "t", "g", "erp", replaced_by, "DOC-7", "ada", self.now_ms * 1000
            )
        )

    def answer(self, key: bytes, value: bytes) -> Outcome:
        """What the ERP answers to the call of a row."""
        call = CALLS.decode(value)
        command = CODEC.decode(call.command)
        if call.verb == "post":
            return self.erp.take(command)
        return self.erp.held(command) or Missing()

    def settle(self, key: bytes, outcome: Outcome) -> None:
        self.task.outcome(key, encode_outcome(outcome), self.harness.effects)
        self.harness.commit()

    def turn(self) -> None:
        """Ask for calls, make them, settle them."""
        self.harness.work()
        for key, value in self.calls().items():
            self.settle(key, self.answer(key, value))

    def turns(self, most: int = 50, ms: int = 0) -> None:
        """Turns until nothing is due, with ``ms`` between them."""
        for _ in range(most):
            self.turn()
            self.now_ms += ms
            if not self.task.pending() and not self.calls() and not (ms and len(self.task.lanes)):
                return

    def die(self) -> None:
        """The process ends; what was in flight is not answered."""
        self.harness.crash()
        for key in self.calls():
            self.settle(key, Unfinished())

    def told(self) -> list[tuple[str, str]]:
        """(event type, command id) of what the contracts were told."""
        events = [CODEC.decode(output.value) for output in self.harness.outputs if output.topic == "inbox"]
        return [(event.EVENT_TYPE, event.envelope.object_id) for event in events]

    def posted(self) -> list[str]:
        return [command.header.command_id for command in self.erp.journal]

    def states(self) -> dict[str, str]:
        return {command.command_id: command.state for command in self.task.lanes}
