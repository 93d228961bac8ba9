"""Stage emit: typed commands, revenue events, exceptions, decisions and feedback become records of their topics.

Invariant: an output's bytes depend on its content alone, and its place on its partition and account alone, so a
replay writes the same bytes to the same places.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from hashlib import blake2b
from typing import Protocol

import msgspec

from tieout.agents.spec import Output
from tieout.avro.commands import Command
from tieout.avro.control import CommandResolved, ControlReceipt
from tieout.avro.outcomes import (
    ControlTotals,
    CrmFeedback,
    DeadLetter,
    DecisionRecorded,
    ExceptionItem,
    RevenueEvent,
)


class Encodes(Protocol):
    """The part of the codec that emit needs."""

    def encode(self, message: msgspec.Struct) -> bytes: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputTopics:
    """Names of the topics that the contract agent writes."""

    erp_commands: str
    revenue_events: str
    exceptions: str
    decisions: str
    dead_letters: str
    control_receipts: str
    control_totals: str
    crm_feedback: str

    @classmethod
    def by_field(cls) -> OutputTopics:
        """Each topic under its field's name: for an agent on rows in memory, with no broker to share."""
        return cls(**{field.name: field.name for field in fields(cls)})

    def all(self) -> tuple[str, ...]:
        """Every name."""
        return (
            self.erp_commands,
            self.revenue_events,
            self.exceptions,
            self.decisions,
            self.dead_letters,
            self.control_receipts,
            self.control_totals,
            self.crm_feedback,
        )


class Emitter:
    """Encodes outputs of one task. Headers are CloudEvents' binary mode: what routers need, no personal data."""

    def __init__(self, codec: Encodes, topics: OutputTopics, source: str) -> None:
        self._codec = codec
        self._topics = topics
        self._fixed = (("ce_specversion", b"1.0"), ("ce_source", source.encode()))
        self._headers: dict[str, tuple[tuple[str, bytes], ...]] = {}

    def command(self, command: Command, command_partition: int) -> Output:
        """To the partition of its ERP account, keyed by lane."""
        header = command.header
        key = f"{header.tenant}/{header.group_id}/{header.lane}"
        return self._output(
            self._topics.erp_commands, command_partition, key, header.command_id, header.kind, command
        )

    def release(self, release: CommandResolved, command_partition: int) -> Output:
        """Behind the command that it is about, in the partition of its ERP account."""
        key = f"{release.tenant}/{release.group_id}"
        kind = CommandResolved.EVENT_TYPE
        return self._output(
            self._topics.erp_commands, command_partition, key, release.command_id, kind, release
        )

    def revenue(self, event: RevenueEvent) -> Output:
        """One movement of one measure."""
        kind = f"revenue.{event.kind}"
        return self._output(
            self._topics.revenue_events, None, event.revenue_event_id, event.revenue_event_id, kind, event
        )

    def exception(self, item: ExceptionItem) -> Output:
        """Open or resolved; the topic is compacted by the item's id."""
        return self._output(
            self._topics.exceptions, None, item.exception_id, item.exception_id, item.code, item
        )

    def decision(self, decision: DecisionRecorded) -> Output:
        """An outcome that other outputs do not tell."""
        return self._output(
            self._topics.decisions,
            None,
            decision.decision_id,
            decision.decision_id,
            decision.outcome,
            decision,
        )

    def feedback(self, told: CrmFeedback) -> Output:
        """Where a contract stands now, in the order of its inbox."""
        kind = f"feedback.{told.status}"
        return self._output(self._topics.crm_feedback, None, told.feedback_id, told.feedback_id, kind, told)

    def dead_letter(self, letter: DeadLetter) -> Output:
        """A pointer to a record that could not be attributed."""
        return self._output(
            self._topics.dead_letters,
            None,
            letter.dead_letter_id,
            letter.dead_letter_id,
            letter.reason,
            letter,
        )

    def receipt(self, receipt: ControlReceipt) -> Output:
        """This partition has done a marker."""
        identity = f"{receipt.request_id}/{receipt.partition}"
        return self._output(
            self._topics.control_receipts,
            None,
            receipt.request_id,
            identity,
            ControlReceipt.EVENT_TYPE,
            receipt,
        )

    def totals(self, totals: ControlTotals) -> Output:
        """Where everything went, compacted by partition."""
        identity = f"{totals.partition}"
        return self._output(self._topics.control_totals, None, identity, identity, ControlTotals.KIND, totals)

    def _output(
        self,
        topic: str,
        partition: int | None,
        key: str,
        identity: str,
        kind: str,
        message: msgspec.Struct,
    ) -> Output:
        fixed = self._headers.get(kind)
        if fixed is None:
            fixed = self._headers[kind] = (("ce_type", f"tieout.{kind}".encode()), *self._fixed)
        headers = (("ce_id", identity.encode()), *fixed)
        return Output(topic, partition, key.encode(), self._codec.encode(message), headers)


def short_id(*parts: str) -> str:
    """blake2b-128 of the parts, as lower-case hex: ids of exceptions, decisions and dead letters."""
    return blake2b("\x1f".join(parts).encode(), digest_size=16).hexdigest()
