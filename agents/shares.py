"""Contracts with a share in a batch that was answered: each is told what became of it, and where it stands by that.

A group is told before anything later is decided on it (tell on touch, as the sweep closes on touch); slices of background work
tell the rest. Invariants: each share is told once, in the transaction that deletes it; a group hears answers, markers and events
in the order of the log, so that what it says does not depend on how far the slices had come. An answer follows the marker that
completed its batch, so that a group which was brought up to the markers ahead of the answer has all its shares in the batch.
"""

from __future__ import annotations

from bisect import insort
from itertools import islice
from typing import NamedTuple

from tieout.agents.arrival import Arrival
from tieout.agents.contracts.decision import CausedBy
from tieout.agents.contracts.draft import ident
from tieout.agents.contracts.following import followed_batch, moved_by_batch
from tieout.agents.findings import exception_about_share
from tieout.agents.groups import Groups
from tieout.agents.results import Results
from tieout.agents.spec import Effects, Rows
from tieout.avro.events import Micros
from tieout.avro.outcomes import DecisionRecorded
from tieout.tables.batches import (
    SHARES,
    STANDINGS,
    Answer,
    Share,
    Standing,
    batch_of,
    share_key,
    share_prefix,
    standing_key,
)
from tieout.tables.contract import Course, Group
from tieout.tables.keys import BATCH_ROWS

POSTED, WITHDRAWN = "posted", "withdrawn"
"""Outcomes of decisions by which a contract is told what became of a batch that it has a share in."""
BY_HAND = "withdrawn, its effect is entered in the ERP by hand"


class Answered(NamedTuple):
    """An answer to a batch, and where in the log it stands."""

    offset: int
    batch: str
    answer: Answer


class Shares:
    """Shares in the batches of one partition. What it holds follows from the rows of answered batches."""

    def __init__(self, rows: Rows, groups: Groups, results: Results) -> None:
        self._rows = rows
        self._groups = groups
        self._results = results
        self.accepted: list[Answered] = []
        """Batches that the ERP accepted and that are not told everywhere, in the order of the log: asked at each decision."""
        self._telling: list[Answered] = []
        """Batches that were said and answered, whatever the answer, likewise."""
        self._told_through = b""
        """Where to go on in the first of them: what is deleted already would be skipped again in each slice."""
        for key, value in rows.scan(BATCH_ROWS):
            self._remember(batch_of(key), STANDINGS.decode(value))

    def stand(
        self, batch: str, effects: Effects, *, is_said: bool = False, answer: Answer | None = None
    ) -> None:
        """A batch was said, or answered: slices tell of it when it has been both, whichever came first."""
        row = self._rows.get(standing_key(batch))
        known = Standing(is_said=False) if row is None else STANDINGS.decode(row)
        standing = Standing(known.is_said or is_said, known.answer or answer)
        effects.put(standing_key(batch), STANDINGS.encode(standing))
        self._remember(batch, standing)

    def tell(self, group: Group, effects: Effects, *, before: int | None = None) -> None:
        """Tell a group of the accepted batches that it has a share in; ``before``: of answers ahead of this offset."""
        for answered in self.accepted:
            if before is not None and answered.offset > before:
                return
            for contract_id in sorted(each.id for each in group.contracts):
                share = Share(group.tenant, group.id, contract_id)
                key = share_key(answered.batch, share)
                if self._rows.get(key) is not None:
                    self._tell(key, share, answered, effects)

    @property
    def pending(self) -> bool:
        """Whether contracts are left that have not been told."""
        return bool(self._telling)

    def work(self, limit: int, effects: Effects) -> None:
        """Tell about ``limit`` contracts, every group standing at the last marker."""
        while self._telling and limit > 0:
            answered = self._telling[0]
            prefix = share_prefix(answered.batch)
            start = self._told_through if self._told_through.startswith(prefix) else b""
            shares = list(islice(self._rows.scan(prefix, start), limit))
            for key, value in shares:
                self._tell(key, SHARES.decode(value), answered, effects)
                self._told_through = key
            limit -= len(shares)
            if limit > 0:
                effects.delete(standing_key(answered.batch))
                self._telling.pop(0)
                if answered in self.accepted:
                    self.accepted.remove(answered)

    def _remember(self, batch: str, standing: Standing) -> None:
        answer = standing.answer
        if answer is None:
            return
        answered = Answered(answer.cause.offset, batch, answer)
        if standing.is_said and answered not in self._telling:
            insort(self._telling, answered)
        if answer.document_no is not None and answered not in self.accepted:
            insort(self.accepted, answered)

    def _tell(self, key: bytes, share: Share, answered: Answered, effects: Effects) -> None:
        self._results.decision(_decision(share, answered), effects)
        effects.delete(key)
        if answered.answer.document_no is None:
            return
        head = self._groups.head(share.tenant, share.group_id)
        course = None if head is None else moved_by_batch(head, share.contract_id, answered.batch)
        if course is not None:
            self._move(share, course, answered, effects)

    def _move(self, share: Share, course: Course, answered: Answered, effects: Effects) -> None:
        """A contract came further: an own journal that is accepted would say the same."""
        _, batch, answer = answered
        entry = self._groups.get(share.tenant, share.group_id)
        assert entry.state is not None, share
        assert answer.document_no is not None, batch
        cause = CausedBy(answer.fact_id, answer.cause)
        try:
            state, news = followed_batch(
                entry.state, share.contract_id, course, answer.document_no, answer.decided_at, cause
            )
        except Exception as error:  # noqa: BLE001 - one contract's failure is its exception, never the partition's
            detail = self._results.internal_error(error, answer.decided_at // 1000)
            item = exception_about_share(entry.state, share.contract_id, batch, answer, detail)
            self._results.exception(item, effects)
            return
        self._groups.changed(entry, state)
        if news is not None:
            self._results.feedback(news, effects)


def answer_by(
    arrival: Arrival, outcome: str, detail: str, now_us: Micros, document_no: str | None = None
) -> Answer:
    """What an event says of a batch. ``document_no``: of its journal, where the ERP has it."""
    event_type = arrival.event.envelope.event_type
    return Answer(outcome, detail, event_type, arrival.fact_id, now_us, arrival.pointer, document_no)


def _decision(share: Share, answered: Answered) -> DecisionRecorded:
    _, batch, answer = answered
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
