"""Markers of a partition, and the sweep that brings every group up to them.

A group is brought up to a marker before anything later is applied to it (close on touch); the sweep touches the
rest, in slices between batches. Invariant: a marker is applied to each group exactly once, and its receipt is
written only when no group is left behind it.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from tieout.agents.decode import Decodes
from tieout.agents.groups import GroupEntry, Groups
from tieout.agents.spec import Effects, Rows
from tieout.avro.commands import Cause
from tieout.avro.control import ControlReceipt, Marker
from tieout.tables.controls import Controls
from tieout.tables.keys import CONTROL_ROWS, GROUP_ROWS, SWEEP_ROW, after_group, control_key

_Stamp = tuple[int, int]
"""(offset, log time in milliseconds) of a marker."""


class _Progress(msgspec.Struct, array_like=True):
    """``cursor`` is empty between passes; ``receipted_seq`` stays behind ``passed_seq`` while a group is stuck."""

    target_seq: int = 0
    passed_seq: int = 0
    receipted_seq: int = 0
    cursor: bytes = b""
    stuck: int = 0
    groups: dict[int, int] = {}
    commands: dict[int, int] = {}


class Sweep:
    """The markers of one partition and how far its groups have come."""

    def __init__(self, rows: Rows, groups: Groups, codec: Decodes, input_topic: str, partition: int) -> None:
        self._groups = groups
        self._input_topic = input_topic
        self._partition = partition
        self.controls = Controls.empty()
        self._stamps: dict[int, _Stamp] = {}
        for _, value in rows.scan(CONTROL_ROWS):
            stamp, marker = msgspec.msgpack.decode(value, type=tuple[_Stamp, bytes])
            self._remember(codec.decode(marker), stamp)  # type: ignore[arg-type] # only markers are stored here
        self._written = row = rows.get(SWEEP_ROW)
        self._progress = msgspec.msgpack.decode(row, type=_Progress) if row is not None else _Progress()
        if not self._progress.cursor:
            self._progress.passed_seq = self._progress.receipted_seq

    def accept(self, marker: Marker, stamp: _Stamp, value: bytes, effects: Effects) -> None:
        """Take a marker with its (offset, log time in ms); a repeat changes nothing."""
        seq = marker.header.control_seq
        if seq <= self.controls.latest_seq:
            return
        assert seq == self.controls.latest_seq + 1, (seq, self.controls.latest_seq)
        self._remember(marker, stamp)
        effects.put(control_key(seq), msgspec.msgpack.encode((stamp, value)))

    def pointer_of(self, control_seq: int) -> Cause:
        """Where a marker stands in the inbox."""
        return Cause(self._input_topic, self._partition, self._stamps[control_seq][0])

    def marked_at_us(self, control_seq: int) -> int:
        """Log time of a marker: the time of everything that it causes, whenever the sweep gets there."""
        return self._stamps[control_seq][1] * 1000

    def applied(self, control_seq: int, commands: int) -> None:
        """A group was brought up to a marker, by touch or by the sweep."""
        self._progress.groups[control_seq] = self._progress.groups.get(control_seq, 0) + 1
        self._progress.commands[control_seq] = self._progress.commands.get(control_seq, 0) + commands

    @property
    def pending(self) -> bool:
        """Some group may be behind the last marker."""
        return self._progress.passed_seq < self.controls.latest_seq

    def work(
        self,
        limit: int,
        bring_up: Callable[[GroupEntry], bool],
        complete: Callable[[int], int],
        receipt: Callable[[ControlReceipt], None],
    ) -> None:
        """Bring up to ``limit`` groups; at the end of the pass give the receipts.

        ``complete`` is called with the ``control_seq`` of each marker to which every group has been brought up, before its
        receipt; what it gives is counted among the commands.

        A pass that met a group which could not be brought up gives none: the close stays open, visibly, until
        the next marker, or a start of the task (with a mended release, say), begins another pass.
        """
        progress = self._progress
        if not progress.cursor:
            progress.target_seq, progress.cursor, progress.stuck = self.controls.latest_seq, GROUP_ROWS, 0
        for prefix in self._groups.prefixes_from(progress.cursor):
            if limit <= 0:
                return
            limit -= 1
            entry = self._groups.at(prefix)
            assert entry.state is not None, prefix
            if entry.state.control_seq < progress.target_seq and not bring_up(entry):
                progress.stuck += 1
            progress.cursor = after_group(prefix)
        self._end_pass(complete, receipt)

    def flush(self, effects: Effects) -> None:
        """Write how far the sweep has come, where it has."""
        row = msgspec.msgpack.encode(self._progress) if self.controls.latest_seq else None
        if row is not None and row != self._written:
            effects.put(SWEEP_ROW, row)
            self._written = row

    def _end_pass(self, complete: Callable[[int], int], receipt: Callable[[ControlReceipt], None]) -> None:
        progress = self._progress
        progress.passed_seq, progress.cursor = progress.target_seq, b""
        if progress.stuck:
            return
        for marker in self.controls.after(progress.receipted_seq):
            seq = marker.header.control_seq
            if seq > progress.target_seq:
                break
            progress.commands[seq] = progress.commands.get(seq, 0) + complete(seq)
            receipt(self._receipt(marker))
            progress.groups.pop(seq, None)
            progress.commands.pop(seq, None)
        progress.receipted_seq = progress.target_seq

    def _receipt(self, marker: Marker) -> ControlReceipt:
        seq = marker.header.control_seq
        return ControlReceipt(
            request_id=marker.header.request_id,
            control_seq=seq,
            kind=marker.EVENT_TYPE,
            partition=self._partition,
            groups=self._progress.groups.get(seq, 0),
            commands=self._progress.commands.get(seq, 0),
            completed_at=self.marked_at_us(seq),
        )

    def _remember(self, marker: Marker, stamp: _Stamp) -> None:
        self.controls = self.controls.with_marker(marker)
        self._stamps[marker.header.control_seq] = stamp
