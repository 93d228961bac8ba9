"""The open commands of one ERP account, lane by lane, and which of them may go next.

Invariant: of each lane only the first open command may go, so that a lane's commands reach the ERP in the order of their
numbers; a lane that stands still holds nobody but itself and what names its commands in ``after``. A lane stands still while
its first command is parked, or waits for one in a lane that does.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Iterable, Iterator

from tieout.tables.posting import OpenCommand

NOT_URGENT = 9
"""Behind every urgency that a priority stands for."""

FIRST_OF_ALL = -1


class Lanes:
    """Mutable, owned by one task. What it holds is a copy of the open rows, which are the truth."""

    def __init__(self, opened: Iterable[OpenCommand]) -> None:
        self._lanes: dict[str, deque[OpenCommand]] = {}
        self._standing: dict[str, tuple[str, int]] = {}
        self._dependents: dict[str, set[str]] = {}
        self._urgency: dict[str, int] = {}
        self._still: set[str] = set()
        self.standing_still = 0
        """Commands in lanes that stand still."""
        self._ready: list[tuple[int, int, str, int]] = []
        self._later: list[tuple[int, str, int]] = []
        for command in opened:
            self.admit(command)

    def __len__(self) -> int:
        return len(self._standing)

    def __iter__(self) -> Iterator[OpenCommand]:
        return (command for lane in self._lanes.values() for command in lane)

    def get(self, lane: str, place: int) -> OpenCommand | None:
        """The open command of a place."""
        commands = self._lanes.get(lane)
        if not commands or not commands[0].place <= place <= commands[-1].place:
            return None
        return commands[place - commands[0].place]

    def first(self, lane: str) -> OpenCommand | None:
        """The command that a lane is at."""
        commands = self._lanes.get(lane)
        return commands[0] if commands else None

    def moves(self, lane: str) -> bool:
        """Whether nobody has to act for the lane."""
        return lane not in self._still

    def find(self, command_id: str) -> OpenCommand | None:
        """The open command of an id."""
        at = self._standing.get(command_id)
        return None if at is None else self.get(*at)

    def admit(self, command: OpenCommand) -> None:
        """Put a command at the end of its lane."""
        lane = self._lanes.setdefault(command.lane, deque())
        assert not lane or lane[-1].place + 1 == command.place, (command.lane, command.place, lane[-1].place)
        lane.append(command)
        self.standing_still += command.lane in self._still
        if command.state != "placed":
            self._standing[command.command_id] = (command.lane, command.place)
        self._hasten(command.lane, command.urgency)
        for needed in command.after:
            at = self._standing.get(needed)
            if at is not None:
                self._hasten(at[0], command.urgency)
        if len(lane) == 1:
            self._queue(command)

    def change(self, command: OpenCommand) -> None:
        """What stands at the command's place from now on."""
        lane = self._lanes[command.lane]
        index = command.place - lane[0].place
        before = lane[index]
        lane[index] = command
        if before.command_id != command.command_id or command.state == "placed":
            self._standing.pop(before.command_id, None)
            if command.state != "placed":
                self._standing[command.command_id] = (command.lane, command.place)
            self._release(before.command_id)
        if index == 0:
            self._queue(command)

    def finish(self, command: OpenCommand) -> None:
        """The first command of a lane is done."""
        lane = self._lanes[command.lane]
        assert lane[0].place == command.place, (command.lane, command.place, lane[0].place)
        lane.popleft()
        self.standing_still -= command.lane in self._still
        if command.state != "placed":
            del self._standing[command.command_id]
        if lane:
            self._queue(lane[0])
        else:
            del self._lanes[command.lane]
            self._still.discard(command.lane)
            self._urgency.pop(command.lane, None)
        self._release(command.command_id)

    def take(self, now_ms: int, most: int, *, least_tried: bool = False) -> list[OpenCommand]:
        """At most so many commands that may go now, the most urgent and oldest first; each is given once per change.

        ``least_tried``: the one with the fewest attempts first, for a call that is to show whether the ERP is well: one that it
        can never answer would show that it is not, for ever.
        """
        while self._later and self._later[0][0] <= now_ms:
            _, lane, place = heapq.heappop(self._later)
            command = self._first(lane, place)
            if command is not None and command.due_ms <= now_ms:
                self._make_ready(command)
        if least_tried:
            self._put_least_tried_first()
        taken: dict[str, OpenCommand] = {}
        while self._ready and len(taken) < most:
            rank, _, lane, place = heapq.heappop(self._ready)
            command = self._first(lane, place)
            if command is not None and _may_go(command) and command.due_ms <= now_ms:
                if self._needs(command) is not None:
                    self._queue(command)
                elif FIRST_OF_ALL < rank < self._rank(command):  # it was more urgent before it was refused
                    self._make_ready(command)
                else:
                    taken[lane] = command
        return list(taken.values())

    def is_due(self, now_ms: int) -> bool:
        """Whether ``take`` may have something to give."""
        return bool(self._ready) or bool(self._later and self._later[0][0] <= now_ms)

    def _first(self, lane: str, place: int) -> OpenCommand | None:
        """The first command of a lane, where it is still that of this place."""
        commands = self._lanes.get(lane)
        return commands[0] if commands and commands[0].place == place else None

    def _queue(self, command: OpenCommand) -> None:
        """See to it that the first command of a lane is given when it may go."""
        needed = self._needs(command)
        if needed is not None:
            self._dependents.setdefault(needed, set()).add(command.lane)
        elif _may_go(command) and command.due_ms:
            heapq.heappush(self._later, (command.due_ms, command.lane, command.place))
        elif _may_go(command):
            self._make_ready(command)
        self._judge(command.lane)

    def _judge(self, lane: str) -> None:
        """Whether the lane stands still now; where that changed, also those that wait for one of its commands."""
        commands = self._lanes[lane]
        needed = self._needs(commands[0])
        still = commands[0].state == "parked" if needed is None else self._standing[needed][0] in self._still
        if still == (lane in self._still):
            return
        if still:
            self._still.add(lane)
        else:
            self._still.remove(lane)
        self.standing_still += len(commands) if still else -len(commands)
        for command in commands:
            for waiting in self._dependents.get(command.command_id, ()):
                if waiting in self._lanes:
                    self._judge(waiting)

    def _put_least_tried_first(self) -> None:
        """Only for the next one that is taken: the place that it has in the heap is before all others."""
        known = [(self._first(lane, place), lane, place) for _, _, lane, place in self._ready]
        able = [
            (each.attempts, each.emitted_ms, lane, place)
            for each, lane, place in known
            if each is not None and _may_go(each) and self._needs(each) is None
        ]
        if able:
            _, emitted_ms, lane, place = min(able)
            heapq.heappush(self._ready, (FIRST_OF_ALL, emitted_ms, lane, place))

    def _make_ready(self, command: OpenCommand) -> None:
        heapq.heappush(self._ready, (self._rank(command), command.emitted_ms, command.lane, command.place))

    def _rank(self, command: OpenCommand) -> int:
        """What was refused, and is tried again unasked, takes nobody's turn: thousands may wait for one missing item."""
        return NOT_URGENT if command.state == "parked" else self._urgency.get(command.lane, command.urgency)

    def _needs(self, command: OpenCommand) -> str | None:
        """An open command that this one comes after. Only its own first call waits: later ones had what they need."""
        if command.state != "prepared":
            return None
        return next((each for each in command.after if each in self._standing), None)

    def _release(self, command_id: str) -> None:
        for lane in self._dependents.pop(command_id, ()):
            commands = self._lanes.get(lane)
            if commands:
                self._queue(commands[0])

    def _hasten(self, lane: str, urgency: int) -> None:
        """A lane is as urgent as the most urgent command that waits in it, or for something in it."""
        if urgency >= self._urgency.get(lane, NOT_URGENT):
            return
        self._urgency[lane] = urgency
        commands = self._lanes.get(lane)
        if not commands:
            return
        self._queue(commands[0])
        for needed in commands[0].after:
            at = self._standing.get(needed)
            if at is not None:
                self._hasten(at[0], urgency)


def _may_go(command: OpenCommand) -> bool:
    return command.state in ("prepared", "unknown") or (command.state == "parked" and command.due_ms > 0)
