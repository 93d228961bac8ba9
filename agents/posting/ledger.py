"""The posting ledger's rows: read, and kept in step with what changes.

Invariant: after each change the rows say the same as the lanes in memory; a task that is opened on them goes on where the
last one was. Counters move with the commands: admitted = posted + superseded + open, and open = held + parked.
"""

from __future__ import annotations

from collections.abc import Iterator

from tieout.agents.spec import Effects, Rows
from tieout.tables.posting import (
    BODY_ROWS,
    CALL_ROWS,
    CALLS,
    LANES,
    OPEN,
    OPEN_ROWS,
    TOTALS_ROW,
    Call,
    Lane,
    OpenCommand,
    lane_key,
    place_key,
)
from tieout.tables.posting_totals import PERIOD_ROWS, PeriodTotals, outcome_of
from tieout.tables.totals import Totals


class PostingLedger:
    """Owned by one task."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self.totals = Totals(rows.get(TOTALS_ROW))
        self.by_period = PeriodTotals(rows.scan(PERIOD_ROWS))
        self._counted = False

    @property
    def parked(self) -> int:
        """Commands that stand in their lanes."""
        return self.totals.count("parked")

    def open_commands(self) -> Iterator[OpenCommand]:
        """All of them, lane by lane in the order of their places."""
        return (OPEN.decode(value) for _, value in self._rows.scan(OPEN_ROWS))

    def lane(self, lane: str) -> Lane:
        """The lane's numbers; a new lane has none."""
        value = self._rows.get(lane_key(lane))
        return Lane() if value is None else LANES.decode(value)

    def body(self, command: OpenCommand) -> bytes:
        """The framed command that is to be posted at the place."""
        value = self._rows.get(place_key(BODY_ROWS, command.lane, command.place))
        assert value is not None, (command.lane, command.place)
        return value

    def admit(self, command: OpenCommand, body: bytes, effects: Effects) -> None:
        """Write what has arrived."""
        lane = self.lane(command.lane)
        effects.put(lane_key(command.lane), LANES.encode(Lane(command.place, lane.confirmed_through)))
        effects.put(place_key(OPEN_ROWS, command.lane, command.place), OPEN.encode(command))
        effects.put(place_key(BODY_ROWS, command.lane, command.place), body)
        self.count(command, "held")
        self.by_period.receive(command)

    def change(self, before: OpenCommand, after: OpenCommand, effects: Effects) -> None:
        """Write what stands at a place now; it is the same command as before."""
        assert (before.kind, before.amount_minor) == (after.kind, after.amount_minor), (before, after)
        effects.put(place_key(OPEN_ROWS, after.lane, after.place), OPEN.encode(after))
        self._moved(after, _counted_as(before), _counted_as(after))
        self.by_period.move(after, outcome_of(before), outcome_of(after))

    def swap(self, here: OpenCommand, there: OpenCommand, effects: Effects) -> None:
        """Two commands of a lane exchange their places: what stands at each afterwards."""
        keys = [place_key(BODY_ROWS, each.lane, each.place) for each in (here, there)]
        bodies = [self._rows.get(key) for key in keys]
        for command, key, body in zip((here, there), keys, reversed(bodies), strict=True):
            assert body is not None, key
            effects.put(place_key(OPEN_ROWS, command.lane, command.place), OPEN.encode(command))
            effects.put(key, body)

    def replaced(self, command: OpenCommand) -> None:
        """Another command takes the place of this one, which is none of those that stand or wait any more."""
        self._moved(command, _counted_as(command), "held")
        self.by_period.move(command, outcome_of(command), "replaced")

    def call(self, command: OpenCommand, call: Call, effects: Effects) -> None:
        """Ask for a call."""
        effects.put(place_key(CALL_ROWS, command.lane, command.place), CALLS.encode(call))

    def finish(self, command: OpenCommand, outcome: str, effects: Effects) -> None:
        """The place is done: its rows go, and the lane is confirmed through it."""
        lane = self.lane(command.lane)
        assert lane.confirmed_through == command.place - 1, (command.lane, command.place, lane)
        effects.put(lane_key(command.lane), LANES.encode(Lane(lane.admitted_through, command.place)))
        effects.delete(place_key(OPEN_ROWS, command.lane, command.place))
        effects.delete(place_key(BODY_ROWS, command.lane, command.place))
        self.totals.move(command.kind, _counted_as(command), outcome, command.currency, command.amount_minor)
        self._counted = True
        if outcome == "applied":
            self.by_period.move(command, outcome_of(command), "accepted")

    def count(self, command: OpenCommand, outcome: str) -> None:
        """Count an arrival."""
        self.totals.arrive(command.kind, outcome, command.currency, command.amount_minor)
        self._counted = True

    def flush(self, effects: Effects) -> None:
        """Write the counters where they changed."""
        if self._counted:
            effects.put(TOTALS_ROW, self.totals.row())
            self._counted = False
        for key, row in self.by_period.written():
            effects.put(key, row)

    def _moved(self, command: OpenCommand, was: str, now: str) -> None:
        if was != now:
            self.totals.move(command.kind, was, now, command.currency, command.amount_minor)
            self._counted = True


def _counted_as(command: OpenCommand) -> str:
    return "parked" if command.state == "parked" else "held"
