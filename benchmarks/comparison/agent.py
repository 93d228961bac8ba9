"""The comparison job as an agent on tieout's engine: decode, restore the order, apply, write two records.

One event at a time: decoded, decided and encoded before the next is touched, so that what lives as long as the
transaction is output bytes and states only. Invariant: a pure function of the log; whatever is decoded here is a copy
of rows, and can be dropped at any commit.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from comparison.records import ACCOUNTS, Command, Entry, Event, Revenue
from comparison.wire import COMMAND_HEADER, EVENT_HEADER, REVENUE_HEADER, Wire, load_wire
from tieout.agents.spec import AgentSpec, AgentTask, Effects, LogRecord, Output, TaskContext
from tieout.avro.framing import HEADER_BYTES
from tieout.avro.refusals import Undecodable
from tieout.tables.codec import RowCodec

STATE, HELD, ASIDE = b"s", b"h", b"x"
"""Prefixes of rows: a contract's state, an event that came early, a record that could not be taken."""

CACHED_STATES_MAX = 50_000
"""Decoded states kept between transactions, per partition; some 15 MB. Over it all of them are dropped."""

AMOUNTS_KEPT = 4


class State(msgspec.Struct, array_like=True, gc=False):
    """What a contract has come to. ``held`` counts its events that wait for a predecessor."""

    next_sequence: int = 1
    balance_minor: int = 0
    last_amounts: list[int] = []
    line_count: int = 0
    held: int = 0


STATES: RowCodec[State] = RowCodec("job state", 1, {1: State})


def held_key(contract_id: str, sequence: int) -> bytes:
    """The row of an event that waits."""
    return HELD + sequence.to_bytes(8, "big") + contract_id.encode()


class JobTask:
    """One partition of the job."""

    def __init__(self, context: TaskContext, wire: Wire, commands: str, revenue: str) -> None:
        self._rows = context.rows
        self._decode = wire.events.decode
        self._encode_command = wire.commands.encode
        self._encode_revenue = wire.revenue.encode
        self._commands = commands
        self._revenue = revenue
        self._states: dict[str, State] = {}
        self._dirty: dict[str, State] = {}

    def step(self, record: LogRecord, effects: Effects) -> None:
        """Take one delivery of one event."""
        value = record.value
        if value is None or not value.startswith(EVENT_HEADER):
            return self.isolate(record, "not a framed event", effects)
        try:
            event = self._decode(value, HEADER_BYTES)
        except Undecodable as error:
            return self.isolate(record, str(error), effects)
        if event.event_type not in ACCOUNTS:
            return self.isolate(record, "its event type is none of the job's", effects)
        contract_id = event.contract_id
        state = self._states.get(contract_id) or self._load(contract_id)
        due = state.next_sequence
        if event.sequence == due:
            self._dirty[contract_id] = state
            self._apply(state, event, effects)
            if state.held:
                self._release(state, contract_id, effects)
        elif event.sequence > due:
            self._hold(state, event, record, effects)
        return None

    def _load(self, contract_id: str) -> State:
        row = self._rows.get(STATE + contract_id.encode())
        state = self._states[contract_id] = State() if row is None else STATES.decode(row)
        return state

    def _apply(self, state: State, event: Event, effects: Effects) -> None:
        amount, sequence, contract_id = event.amount_minor, event.sequence, event.contract_id
        kind, day, currency = event.event_type, event.effective_date, event.currency
        state.next_sequence = sequence + 1
        state.balance_minor = balance = state.balance_minor + amount
        state.line_count = lines = state.line_count + len(event.lines)
        amounts = state.last_amounts
        amounts.append(amount)
        if len(amounts) > AMOUNTS_KEPT:
            del amounts[0]
        account, counter = ACCOUNTS[kind]
        entries = (Entry(account, amount), Entry(counter, -amount))
        key, name = contract_id.encode(), f"{contract_id}:{sequence}"
        command = Command(name, contract_id, sequence, event.event_id, kind, day, currency, entries)
        effects.emit(Output(self._commands, None, key, self._encode_command(command, COMMAND_HEADER)))
        revenue = Revenue(name, contract_id, sequence, kind, day, amount, balance, lines, currency)
        effects.emit(Output(self._revenue, None, key, self._encode_revenue(revenue, REVENUE_HEADER)))

    def _hold(self, state: State, event: Event, record: LogRecord, effects: Effects) -> None:
        key = held_key(event.contract_id, event.sequence)
        if self._rows.get(key) is None:
            assert record.value is not None
            effects.put(key, record.value)
            state.held += 1
            self._dirty[event.contract_id] = state

    def _release(self, state: State, contract_id: str, effects: Effects) -> None:
        while state.held:
            key = held_key(contract_id, state.next_sequence)
            value = self._rows.get(key)
            if value is None:
                return
            effects.delete(key)
            state.held -= 1
            self._apply(state, self._decode(value, HEADER_BYTES), effects)

    def isolate(self, record: LogRecord, reason: str, effects: Effects) -> None:
        """Keep a record that cannot be taken, for a person to see."""
        effects.put(ASIDE + record.offset.to_bytes(8, "big"), reason.encode() + b"\n" + (record.value or b""))

    def pending(self) -> bool:
        """The job has no background work."""
        return False

    def work(self, effects: Effects, limit: int) -> None:
        """Nothing."""

    def outcome(self, key: bytes, outcome: bytes, effects: Effects) -> None:
        """The job makes no calls."""

    def flush(self, effects: Effects) -> None:
        """Write each state that has changed, once."""
        put, encode = effects.put, STATES.encode
        for contract_id, state in self._dirty.items():
            put(STATE + contract_id.encode(), encode(state))
        self._dirty.clear()
        if len(self._states) > CACHED_STATES_MAX:
            self._states.clear()


def job_spec(
    inbox: str, changelog: str, commands: str, revenue: str, *, name: str = "job", wire: Wire | None = None
) -> AgentSpec:
    """The job over these topics. ``wire`` None: the fastest codec that is installed."""
    chosen = wire or load_wire()

    def opened(context: TaskContext) -> AgentTask:
        return JobTask(context, chosen, commands, revenue)

    topics: Sequence[str] = (commands, revenue)
    return AgentSpec(
        name=name,
        input_topic=inbox,
        changelog_topic=changelog,
        output_topics=tuple(topics),
        open=opened,
    )
