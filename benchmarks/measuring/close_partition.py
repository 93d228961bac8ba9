"""One partition of the contract agent as a close meets it: a generated year, rows in RocksDB, outputs heard and let go.

Invariant: nothing grows with the log but the rows: an output is heard once, when it is committed, and a record's place is
counted, not its bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from tieout.agents.agent import contract_agent
from tieout.agents.decode import inbox_key
from tieout.agents.emit import OutputTopics
from tieout.agents.pipeline import PipelineSettings
from tieout.agents.spec import Output
from tieout.avro.codec import Codec
from tieout.avro.control import ControlHeader, Marker, ReferenceActivated, RevenueRun
from tieout.avro.events import Event
from tieout.avro.reference import EntityPublished, PolicySwitch, ReferenceRow
from tieout.streams.edges.producing import partition_of
from tieout.streams.operate.generate.generation import Generation
from tieout.streams.sample_events import DAY_ONE
from tieout.streams.testing import Harness
from tieout.tables.keys import SUM_ROWS
from tieout.tables.reference import Reference
from tieout.tables.rocksdb_store import RocksdbStore

SLICE = 500
"""Events in a commit, groups or contracts to be told in a slice of background work."""
RUN_THROUGH = DAY_ONE + 364
_REFERENCE_UPTO = 10**6
_READ: Any = [None]
"""In the place of a record that was read: its place counts."""


def summing(rows: Iterable[ReferenceRow]) -> tuple[ReferenceRow, ...]:
    """The reference rows, with the policy ``journal_grain: summary`` for every entity."""
    grain = PolicySwitch(name="journal_grain", value="summary")
    return tuple(
        replace(row, policy=(*row.policy, grain)) if isinstance(row, EntityPublished) else row for row in rows
    )


class ClosePartition:
    """Partition ``number`` of ``partitions``. ``log_end``: where its log goes on, if it was closed before.

    ``sums_max``: the most sums of open batches that there were at once.
    """

    def __init__(
        self,
        rows: Iterable[ReferenceRow],
        directory: Path,
        hear: Callable[[Output], None],
        *,
        number: int = 0,
        partitions: int = 1,
        log_end: int = 0,
    ) -> None:
        self._codec = Codec.load()
        self._hear = hear
        self._number, self._partitions = number, partitions
        reference = Reference.of(tuple(rows), _REFERENCE_UPTO)
        spec = contract_agent(
            PipelineSettings(input_topic="inbox", topics=OutputTopics.by_field(), gap_timer_ms=60_000),
            changelog_topic="changelog",
            codec=self._codec,
            placement=lambda key: partition_of(key, partitions),
            references=lambda _: reference,
            now_us=lambda: 0,
        )
        self._harness = Harness(spec, partition=number, store=RocksdbStore(directory), start_ms=log_end)
        self._harness.log.extend(_READ * log_end)
        self._markers = 0
        self.sums_max = 0

    @property
    def log_end(self) -> int:
        """Offset of the next record."""
        return len(self._harness.log)

    def events(self, generation: Generation) -> Iterator[Event]:
        """Those of the generated events whose group belongs here, in their order of arrival."""

        def is_own(group_id: str) -> bool:
            return partition_of(inbox_key(generation.tenant, group_id), self._partitions) == self._number

        return (arrival.event for arrival in generation.arrivals(is_own))

    def activate(self) -> None:
        """The marker that makes the reference rows count."""
        self._mark(partial(ReferenceActivated, reference_upto=_REFERENCE_UPTO))

    def feed(self, events: Iterable[Event]) -> int:
        """Events, a commit after each ``SLICE`` of them; how many they were."""
        coming, count = iter(events), 0
        while batch := list(islice(coming, SLICE)):
            self._append([(_key_of(event), self._codec.encode(event)) for event in batch])
            count += len(batch)
        return count

    def run_revenue(self) -> None:
        """The marker of a revenue run to the end of the year, and its sweep."""
        self._mark(lambda header: RevenueRun(header, None, "primary", RUN_THROUGH))

    def work(self) -> None:
        """All background work, in slices."""
        harness = self._harness
        while harness.task.pending():
            harness.task.work(harness.effects, SLICE)
            harness.commit()
            self.sums_max = max(self.sums_max, sum(1 for _ in harness.store.scan(SUM_ROWS)))
            self._let_go()

    def _mark(self, build: Callable[[ControlHeader], Marker]) -> None:
        self._markers += 1
        header = ControlHeader(f"request-{self._markers}", self._markers, "acme", "bench", 0)
        self._append([(b"control", self._codec.encode(build(header)))])
        self.work()

    def _append(self, records: list[tuple[bytes, bytes]]) -> None:
        log = self._harness.log
        self._harness.feed(records, self.log_end)
        log[-len(records) :] = _READ * len(records)
        self._let_go()

    def _let_go(self) -> None:
        for output in self._harness.outputs:
            self._hear(output)
        self._harness.outputs.clear()


def _key_of(event: Event) -> bytes:
    return inbox_key(event.envelope.tenant, event.envelope.group_id)


def decoded(output: Output) -> Any:
    """What an output says."""
    return _CODEC.decode(output.value or b"")


_CODEC = Codec.load()
