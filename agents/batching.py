"""Batches of journals on their way: said when they are complete, and answered.

Invariants: a batch is said in the transaction of the receipt that completes it; a refused batch is one exception, that of its
own group; what became of it is told to the contracts with a share in it (``shares``).
"""

from __future__ import annotations

from tieout.agents.arrival import Arrival
from tieout.agents.contracts.decide import open_group
from tieout.agents.deciding import Deciding
from tieout.agents.decode import Placement
from tieout.agents.shares import POSTED, Shares, answer_by
from tieout.agents.spec import Effects
from tieout.agents.summing import Completed, Sums, batch_command, group_for
from tieout.avro.events import ErpAccepted, Micros
from tieout.tables.batches import Answer, is_batch_group


class Batching:
    """Batches of one partition."""

    def __init__(
        self, partition: int, placement: Placement, sums: Sums, shares: Shares, deciding: Deciding
    ) -> None:
        self._partition = partition
        self._placement = placement
        self._sums = sums
        self._shares = shares
        self._deciding = deciding
        self._groups, self._sweep, self._results = deciding.groups, deciding.sweep, deciding.results

    def say(self, control_seq: int, effects: Effects) -> int:
        """Say the batches that are complete at a marker, all groups being there; how many commands that gave."""
        said = 0
        for completed in self._sums.complete(control_seq, effects):
            self._shares.stand(completed.id, effects, is_said=True)
            if completed.sums:
                self._say(completed, control_seq, effects)
                said += 1
            else:
                self._came_to_nothing(completed, control_seq, effects)
        return said

    def answered(self, arrival: Arrival, now_us: Micros, effects: Effects) -> None:
        """An event was decided: where the ERP has a batch by it, the batch's contracts are to be told."""
        event = arrival.event
        if not is_batch_group(event.envelope.group_id):
            return
        if isinstance(event, ErpAccepted) and not self._is_gone(event):
            detail = f"posted as {event.document_no} of {event.erp_account!r}"
            answer = answer_by(arrival, POSTED, detail, now_us, event.document_no)
            self._shares.stand(event.envelope.object_id, effects, answer=answer)

    def _is_gone(self, event: ErpAccepted) -> bool:
        """Whether the batch was withdrawn, which its contracts are told already: that the ERP holds it all the same is drift."""
        state = self._groups.get(event.envelope.tenant, event.envelope.group_id).state
        return state is not None and state.erp.replacement_of(event.envelope.object_id) is not None

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
        self._shares.stand(completed.id, effects, answer=answer)
