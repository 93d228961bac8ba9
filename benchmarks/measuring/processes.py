"""CPU time and memory of processes from ``/proc``, sampled while they run.

Invariant: what neither the watched processes nor this one and its children used counts as foreign, so that a figure
taken on a busy machine says so.
"""

from __future__ import annotations

import os
import threading
import time
from bisect import bisect_left
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")
EVERY_SECONDS = 0.1
_IDLE_FIELDS = (3, 4)
_PARENT_FIELD = 1


def cpu_seconds(pid: int) -> float:
    """User and system time of a process, all threads, and of its children that have ended; 0 when it is gone."""
    fields = _stat(pid)
    return sum(map(int, fields[11:15])) / _TICKS if fields else 0.0


def rss_mib(pid: int) -> float:
    """Resident memory in MiB; 0 when it is gone."""
    fields = _stat(pid)
    return int(fields[21]) * _PAGE / 2**20 if fields else 0.0


def with_children(pid: int) -> list[int]:
    """A process and all that live below it."""
    children: dict[int, list[int]] = {}
    for entry in os.listdir("/proc"):  # noqa: PTH208 - names are enough
        if entry.isdigit() and (fields := _stat(int(entry))):
            children.setdefault(int(fields[_PARENT_FIELD]), []).append(int(entry))
    found, look = [], [pid]
    while look:
        found.append(look.pop())
        look += children.get(found[-1], [])
    return found


def busy_seconds() -> float:
    """CPU-seconds that the whole machine has worked, steal included."""
    fields = [int(f) for f in Path("/proc/stat").read_text().partition("\n")[0].split()[1:9]]
    return (sum(fields) - sum(fields[place] for place in _IDLE_FIELDS)) / _TICKS


def _stat(pid: int) -> list[bytes]:
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:  # noqa: PTH123 - a hundred times a second: Path costs as much again
            return file.read().rpartition(b")")[2].split()
    except OSError:
        return []


class Sampler(threading.Thread):
    """Samples some processes every tenth of a second, and everything below this one every second (``foreign``).

    Rows are (monotonic seconds, CPU-seconds, MiB), summed over the watched processes, with all that live below them
    (``children``; it means a look at every process of the machine, so say False where there are none).
    """

    def __init__(self, *pids: int, foreign: bool = True, children: bool = True) -> None:
        super().__init__(daemon=True, name="sampler")
        self.rows: list[tuple[float, float, float]] = []
        self._pids = pids
        self._foreign: list[tuple[float, float]] = []
        self._watches_foreign = foreign
        self._with_children = children
        self._ended = threading.Event()

    def run(self) -> None:
        while not self._ended.is_set():
            now = time.monotonic()
            pids = self._pids
            if self._with_children:
                pids = tuple(each for pid in self._pids for each in with_children(pid))
            self.rows.append((now, sum(map(cpu_seconds, pids)), sum(map(rss_mib, pids))))
            if self._watches_foreign and (not self._foreign or now - self._foreign[-1][0] > 1):
                own = sum(map(cpu_seconds, with_children(os.getpid())))
                self._foreign.append((now, busy_seconds() - own))
            self._ended.wait(EVERY_SECONDS)

    def stop(self) -> None:
        """End the sampling."""
        self._ended.set()
        self.join()

    def cpu_at(self, moment: float) -> float:
        """CPU-seconds at a moment, between two samples in proportion."""
        place = bisect_left(self.rows, (moment,))
        if place == 0 or place == len(self.rows):
            return self.rows[min(place, len(self.rows) - 1)][1]
        (t0, c0, _), (t1, c1, _) = self.rows[place - 1], self.rows[place]
        return c0 + (c1 - c0) * (moment - t0) / (t1 - t0)

    def peak_mib(self, began: float = 0.0, ended: float = float("inf")) -> float:
        """Largest resident memory between two moments."""
        return max((mib for t, _, mib in self.rows if began <= t <= ended), default=0.0)

    def foreign_percent(self, began: float, ended: float) -> float | None:
        """Share of the machine that others used, in percent; None where it was not watched long enough."""
        rows = [row for row in self._foreign if began - 1 <= row[0] <= ended + 1]
        if len(rows) < 2 or rows[-1][0] == rows[0][0]:  # noqa: PLR2004 - a difference needs two
            return None
        (t0, f0), (t1, f1) = rows[0], rows[-1]
        return round(max(0.0, f1 - f0) / (t1 - t0) / (os.cpu_count() or 1) * 100, 1)
