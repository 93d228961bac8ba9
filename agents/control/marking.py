"""The control agent: a request becomes one marker in every inbox partition, until all have acknowledged.

It numbers requests (``control_seq``), so that markers stand in the same order in every partition. Invariant: one
request has one number and one content, however often it is asked for or its markers are repeated; a request is
open until every partition's receipt has been read.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import msgspec

from tieout.agents.control.bounds import fault_of
from tieout.agents.dead_letters import dead_letter
from tieout.agents.decode import Decodes
from tieout.agents.emit import Encodes
from tieout.agents.spec import AgentSpec, CallSpec, Effects, LogRecord, Output, Rows, TaskContext
from tieout.avro.codec import Undecodable
from tieout.avro.control import (
    ControlHeader,
    ControlRequest,
    Marker,
    PeriodClosed,
    PeriodCloseRequested,
    PeriodReopened,
    PeriodReopenRequested,
    PeriodSoftClosed,
    PeriodSoftCloseRequested,
    PostingResumeRequested,
    ReferenceActivated,
    ReferenceActivationRequested,
    RevenueRun,
    RevenueRunRequested,
)

MARKER_KEY = b"control"
"""Key of every marker. It names no group: markers are written to explicit partitions."""

OPEN_ROWS = b"\x01o"
_NUMBERED = b"\x01n"
_LAST_SEQ = b"\x01l"


class OpenRequest(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A request that some partition has not acknowledged yet; ``marker`` is the marker's framed bytes."""

    request_id: str
    control_seq: int
    marker: bytes
    acknowledged: tuple[int, ...] = ()


class Codec(Decodes, Encodes, Protocol):
    """What the control agent needs of the event language's codec."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlTopics:
    """Names of the topics that the control agent reads and writes, and the inbox's number of partitions."""

    requests: str
    inbox: str
    dead_letters: str
    changelog: str
    inbox_partitions: int


def encode_open(row: OpenRequest) -> bytes:
    """Row bytes of an open request: what the caller is given."""
    return msgspec.msgpack.encode(row)


def decode_open(value: bytes) -> OpenRequest:
    """An open request from its row bytes."""
    return msgspec.msgpack.decode(value, type=OpenRequest)


def marker_of(request: ControlRequest, control_seq: int) -> Marker:
    """The marker that a request becomes."""
    asked = request.header
    header = ControlHeader(asked.request_id, control_seq, asked.tenant, asked.actor, asked.requested_at)
    match request:
        case RevenueRunRequested():
            return RevenueRun(header, request.entity, request.book, request.through_date)
        case PeriodCloseRequested():
            return PeriodClosed(header, request.entity, request.subledger, request.period)
        case PeriodSoftCloseRequested():
            return PeriodSoftClosed(header, request.entity, request.subledger, request.period)
        case PeriodReopenRequested():
            return PeriodReopened(header, request.entity, request.subledger, request.period)
        case ReferenceActivationRequested():
            return ReferenceActivated(header, request.reference_upto)


class ControlTask:
    """The control agent's one partition (an ``AgentTask``)."""

    def __init__(self, context: TaskContext, topics: ControlTopics, codec: Codec) -> None:
        self._rows: Rows = context.rows
        self._partition = context.partition
        self._topics = topics
        self._codec = codec

    def step(self, record: LogRecord, effects: Effects) -> None:
        """Number a request and write its markers; a request id that was numbered before changes nothing."""
        request = self._request(record, effects)
        if request is None:
            return
        numbered = _NUMBERED + request.header.request_id.encode()
        if self._rows.get(numbered) is not None:
            return
        last = self._rows.get(_LAST_SEQ)
        seq = (int.from_bytes(last, "big") if last is not None else 0) + 1
        encoded_seq = seq.to_bytes(8, "big")
        effects.put(_LAST_SEQ, encoded_seq)
        effects.put(numbered, encoded_seq)
        marker = self._codec.encode(marker_of(request, seq))
        row = OpenRequest(request.header.request_id, seq, marker)
        effects.put(OPEN_ROWS + encoded_seq, encode_open(row))
        self._write_markers(row, effects)

    def outcome(self, key: bytes, outcome: bytes, effects: Effects) -> None:
        """Take which partitions have acknowledged; repeat the marker to the others."""
        value = self._rows.get(key)
        if value is None:
            return
        row = decode_open(value)
        acknowledged = msgspec.msgpack.decode(outcome, type=tuple[int, ...])
        row = msgspec.structs.replace(row, acknowledged=acknowledged)
        if len(acknowledged) == self._topics.inbox_partitions:
            effects.delete(key)
            return
        effects.put(key, encode_open(row))
        self._write_markers(row, effects)

    def isolate(self, record: LogRecord, reason: str, effects: Effects) -> None:
        """Set a request aside that has ended the process three times."""
        self._dead_letter(record, "kills_process", reason, None, effects)

    def pending(self) -> bool:
        """There is no background work: calls wait for receipts."""
        return False

    def work(self, effects: Effects, limit: int) -> None:
        """Nothing to do between batches."""

    def flush(self, effects: Effects) -> None:
        """Everything was written when it was decided."""

    def _request(self, record: LogRecord, effects: Effects) -> ControlRequest | None:
        if record.value is None:
            self._dead_letter(record, "tombstone", "a control request has a value", None, effects)
            return None
        try:
            message = self._codec.decode(record.value)
        except Undecodable as error:
            self._dead_letter(record, error.reason, error.detail, error.schema_id, effects)
            return None
        if isinstance(message, PostingResumeRequested):
            return None
        if not isinstance(message, ControlRequest):
            detail = f"{type(message).__name__} is no control request"
            self._dead_letter(record, "not_a_request", detail, None, effects)
            return None
        fault = fault_of(message)
        if fault is not None:
            self._dead_letter(record, "bad_request", fault, None, effects)
            return None
        return message

    def _write_markers(self, row: OpenRequest, effects: Effects) -> None:
        for partition in range(self._topics.inbox_partitions):
            if partition not in row.acknowledged:
                effects.emit(Output(self._topics.inbox, partition, MARKER_KEY, row.marker))

    def _dead_letter(
        self, record: LogRecord, reason: str, detail: str, schema_id: int | None, effects: Effects
    ) -> None:
        letter = dead_letter(
            topic=self._topics.requests,
            partition=self._partition,
            offset=record.offset,
            recorded_at_us=record.timestamp * 1000,
            key=record.key,
            value=record.value,
            reason=reason,
            detail=detail,
            schema_id=schema_id,
        )
        key = letter.dead_letter_id.encode()
        effects.emit(Output(self._topics.dead_letters, None, key, self._codec.encode(letter)))


def control_agent(topics: ControlTopics, codec: Codec, *, retry_seconds: float = 1.0) -> AgentSpec:
    """The control agent, declared. Its caller answers an open request with the partitions that have receipts."""
    return AgentSpec(
        name="control",
        input_topic=topics.requests,
        changelog_topic=topics.changelog,
        output_topics=(topics.inbox, topics.dead_letters),
        open=lambda context: ControlTask(context, topics, codec),
        calls=CallSpec(row_prefix=OPEN_ROWS, slots=4, retry_seconds=retry_seconds),
    )
