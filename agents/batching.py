"""Batches of journals on their way: said when they are complete, and what became of them told to their contracts.

Invariants: a batch is said in the transaction of the receipt that completes it; each contract with a share in a batch is
told once, in slices that go on after a restart, because its share is deleted in the transaction that tells it; a refused
batch is one exception, that of its own group.
"""

from __future__ import annotations

from itertools import islice

from tieout.agents.arrival import Arrival
from tieout.agents.contracts.decide import open_group
from tieout.agents.contracts.draft import ident
from tieout.agents.deciding import Deciding
from tieout.agents.decode import Placement
from tieout.agents.spec import Effects, TaskContext
from tieout.agents.summing import Completed, Sums, batch_command, group_for
from tieout.avro.events import ErpAccepted, Micros
from tieout.avro.outcomes import DecisionRecorded
from tieout.tables.batches import (
    SHARES,
    STANDINGS,
    Answer,
    Share,
    Standing,
    batch_of,
    is_batch_group,
    share_prefix,
    standing_key,
)
from tieout.tables.keys import BATCH_ROWS

POSTED, WITHDRAWN = "posted", "withdrawn"
"""Outcomes of decisions by which a contract is told what became of a batch that it has a share in."""


class Batching:
    """Batches of one partition."""

    def __init__(self, context: TaskContext, placement: Placement, sums: Sums, deciding: Deciding) -> None:
        self._rows = rows = context.rows
        self._partition = context.partition
        self._placement = placement
        self._sums = sums
        self._deciding = deciding
        self._groups, self._sweep, self._results = deciding.groups, deciding.sweep, deciding.results
        self._told_through = b""
        """Where to go on in the first of them: what is deleted already would be skipped again in each slice."""
        self._telling: list[str] = []
        for key, value in rows.scan(BATCH_ROWS):
            standing = STANDINGS.decode(value)
            if standing.is_said and standing.answer is not None:
                self._telling.append(batch_of(key))

    def say(self, control_seq: int, effects: Effects) -> int:
        """Say the batches that are complete at a marker, all groups being there; how many commands that gave."""
        said = 0
        for completed in self._sums.complete(control_seq, effects):
            self._stand(completed.id, effects, is_said=True)
            if completed.sums:
                self._say(completed, control_seq, effects)
                said += 1
            else:
                self._came_to_nothing(completed, control_seq, effects)
        return said

    def answered(self, arrival: Arrival, now_us: Micros, effects: Effects) -> None:
        """An event was decided: where it ends the way of a batch, the batch's contracts are to be told."""
        event = arrival.event
        if not is_batch_group(event.envelope.group_id):
            return
        ended: list[tuple[str, str, str]] = []
        if isinstance(event, ErpAccepted):
            detail = f"posted as {event.document_no} of {event.erp_account!r}"
            ended.append((event.envelope.object_id, POSTED, detail))
        by_hand = "withdrawn, its effect is entered in the ERP by hand"
        ended += [(batch, WITHDRAWN, by_hand) for batch in self._results.withdrawn]
        self._results.withdrawn.clear()
        for batch, outcome, detail in ended:
            answer = Answer(
                outcome, detail, event.envelope.event_type, arrival.fact_id, now_us, arrival.pointer
            )
            self._stand(batch, effects, answer=answer)

    @property
    def pending(self) -> bool:
        """Whether contracts are left that have not been told."""
        return bool(self._telling)

    def work(self, limit: int, effects: Effects) -> None:
        """Tell about ``limit`` contracts."""
        while self._telling and limit > 0:
            batch = self._telling[0]
            row = self._rows.get(standing_key(batch))
            assert row is not None, batch
            answer = STANDINGS.decode(row).answer
            assert answer is not None, batch
            shares = list(islice(self._rows.scan(share_prefix(batch), self._told_through), limit))
            for key, value in shares:
                self._results.decision(_told(batch, SHARES.decode(value), answer), effects)
                effects.delete(key)
                self._told_through = key
            limit -= len(shares)
            if limit > 0:
                effects.delete(standing_key(batch))
                self._telling.pop(0)
                self._told_through = b""

    def _say(self, completed: Completed, control_seq: int, effects: Effects) -> None:
        batch = completed.batch
        name = group_for(batch, self._partition, self._placement)
        entry = self._groups.get(batch.tenant, name)
        state = entry.state
        if state is None:
            state = open_group(batch.tenant, name, control_seq)
        cause, reference = self._sweep.pointer_of(control_seq), self._deciding.reference_at(control_seq)
        state, journal = batch_command(state, completed, cause, reference)
        self._groups.changed(entry, state)
        self._results.batch(journal, reference, effects)
        self._deciding.bring_up(entry, effects)

    def _came_to_nothing(self, completed: Completed, control_seq: int, effects: Effects) -> None:
        """No journal is posted that moves nothing; the contracts are told so."""
        answer = Answer(
            outcome=POSTED,
            detail="all of it comes to nothing together, and nothing is posted",
            event_type=next(
                each.EVENT_TYPE
                for each in self._sweep.controls.after(control_seq - 1)
                if each.header.control_seq == control_seq
            ),
            fact_id=f"control/{control_seq}",
            decided_at=self._sweep.marked_at_us(control_seq),
            cause=self._sweep.pointer_of(control_seq),
        )
        self._stand(completed.id, effects, answer=answer)

    def _stand(
        self, batch: str, effects: Effects, *, is_said: bool = False, answer: Answer | None = None
    ) -> None:
        """A batch was said, or answered: its contracts are told when it has been both, whichever came first."""
        row = self._rows.get(standing_key(batch))
        known = Standing(is_said=False) if row is None else STANDINGS.decode(row)
        standing = Standing(known.is_said or is_said, known.answer or answer)
        effects.put(standing_key(batch), STANDINGS.encode(standing))
        if standing.is_said and standing.answer is not None and batch not in self._telling:
            self._telling.append(batch)


def _told(batch: str, share: Share, answer: Answer) -> DecisionRecorded:
    return DecisionRecorded(
        decision_id=ident(batch, share.tenant, share.group_id, share.contract_id, answer.outcome),
        outcome=answer.outcome,
        tenant=share.tenant,
        group_id=share.group_id,
        contract_id=share.contract_id,
        event_type=answer.event_type,
        fact_id=answer.fact_id,
        contract_version=None,
        treatment=None,
        accounting_date=None,
        reasons=(),
        inputs=(),
        detail=f"batch {batch} with journals of this contract: {answer.detail}",
        decided_at=answer.decided_at,
        causes=(answer.cause,),
    )
