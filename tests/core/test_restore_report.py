"""Goal: a restore says how far it is: at its begin, about every five seconds, at its end, and whenever it is asked."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from tieout.streams.engine.restore_report import LINE_SECONDS, RestoreReport


@dataclass
class Clock:
    now: float = 100.0

    def monotonic(self) -> float:
        return self.now


def test_a_long_restore_is_never_silent_and_never_a_flood(caplog):
    clock = Clock()
    with caplog.at_level(logging.INFO, "tieout.engine"):
        report = RestoreReport("changelog/3", 1_000, 101_000, "it was corrupt", clock)
        for reached in range(2_000, 102_000, 1_000):
            clock.now += 0.25
            report.replayed(900, reached)
        report.added_up(70_000)
        report.over()
    lines = [record.getMessage() for record in caplog.records]
    assert lines[0] == "changelog/3 is being restored: offsets 1000 to 101000, built anew: it was corrupt"
    assert len(lines) == 2 + 25 // LINE_SECONDS
    assert lines[1] == "changelog/3 is being restored: 20%, 18,000 records, about 20 s left"
    assert lines[-1].startswith(
        "changelog/3 is restored in 25.00 s: 90,000 records read, 70,000 rows added up (3600"
    )


def test_whoever_asks_hears_share_and_time_left():
    clock = Clock()
    report = RestoreReport("changelog/3", 0, 1_000, None, clock)
    assert (report.progress.share, report.progress.seconds_left) == (0.0, None)
    clock.now += 3
    report.replayed(600, 750)
    assert (report.progress.share, report.progress.seconds_left, report.progress.records) == (0.75, 1.0, 600)
    report.replayed(200, 1_000)
    assert (report.progress.share, report.progress.seconds_left) == (1.0, 0.0)
    assert not report.progress.is_over, "its rows are not added up yet"
    report.over()
    assert report.progress.is_over


def test_a_restore_of_nothing_is_whole():
    report = RestoreReport("changelog/3", 40, 40, None, Clock())
    report.over()
    assert (report.progress.share, report.progress.seconds_left, report.progress.records) == (1.0, 0.0, 0)
