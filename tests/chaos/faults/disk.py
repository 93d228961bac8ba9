"""F9: the disk under the state runs full, and has room again."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from chaos.anomalies import FaultResult
from chaos.arena import Arena
from chaos.deliveries import deliveries
from chaos.stage import Stage, until

TIMES, DISK_MB = 3, 32
TITLE = "state disk full"


def can_mount() -> str:
    """Empty where this process may mount a small disk; otherwise why not."""
    if os.geteuid() != 0:
        return "mounting a disk of a given size needs root"
    if shutil.which("mount") is None:
        return "there is no mount command"
    return ""


@contextmanager
def small_disk(where: Path) -> Iterator[str]:
    """A tmpfs of ``DISK_MB`` at ``where``; gives why it could not be mounted, or nothing."""
    where.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m", "chaos", str(where)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        yield f"mounting a small disk is refused here: {done.stderr.strip()}"
        return
    try:
        yield ""
    finally:
        subprocess.run(["umount", "-l", str(where)], check=True)


def fill_the_disk(stage: Stage) -> FaultResult:
    """Three times: fill the disk, see the worker name it, free it, see the worker go on by itself."""
    why = can_mount()
    if why:
        return FaultResult(fault="F9", title=TITLE, skipped=[why])
    with small_disk(stage.room("F9-disk") / "mounted") as refused:
        if refused:
            return FaultResult(fault="F9", title=TITLE, skipped=[refused])
        return _fill_and_free(stage, _last_mount())


def _last_mount() -> Path:
    lines = [line.split() for line in Path("/proc/mounts").read_text().splitlines()]
    return Path([fields[1] for fields in lines if fields[0] == "chaos"][-1])


def _fill_and_free(stage: Stage, disk: Path) -> FaultResult:
    times = stage.count(TIMES, least=1)
    events = deliveries(stage, "F9", stage.count(30_000, least=4_000))
    ballast = disk / "ballast"
    with Arena(stage, "F9", TITLE, events, rate=len(events) / (times * 10), burst=200) as arena:
        [worker] = arena.start_workers("a", state_dir=disk / "state")
        arena.feed()
        named = 0
        for number in range(times):
            time.sleep(1)
            filled = time.monotonic()
            fill(ballast)
            if until(lambda: "disk is full" in str(worker.status()["tasks"]), 20):
                named += 1
                arena.result.figures[f"named_after_seconds_{number + 1}"] = round(
                    time.monotonic() - filled, 2
                )
                arena.result.figures[f"ready_while_full_{number + 1}"] = worker.status()["ready"]
            time.sleep(2)
            ballast.unlink()
            arena.caught_up(time.monotonic(), f"filling {number + 1}")
            stage.say(f"F9 filling {number + 1}/{times}: {arena.result.recoveries[-1]:.1f} s")
        if named < times:
            arena.findings.add(
                "unseen", "F9", f"{times - named} of {times} times the full disk was not named"
            )
        return arena.conclude(**{"disks filled": times, "times it was named": named})


def fill(ballast: Path) -> None:
    """Write until nothing more fits."""
    handle = os.open(ballast, os.O_CREAT | os.O_WRONLY, 0o600)
    try:
        for size in (1 << 20, 4096):
            try:
                while True:
                    os.write(handle, bytes(size))
            except OSError:
                continue
    finally:
        os.close(handle)
