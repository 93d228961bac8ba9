"""F10: what a disk does to files: flipped bits, lost files, cut files, files of another partition, files of last week."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from pathlib import Path

from chaos import rows
from chaos.anomalies import FaultResult
from chaos.arena import Arena
from chaos.deliveries import deliveries
from chaos.reading import places, read_all
from chaos.stage import Stage
from chaos.workers import Worker

MUTATIONS = 60


def _files(folder: Path, pattern: str) -> list[Path]:
    return sorted(path for path in folder.glob(pattern) if path.stat().st_size > 0)


def _flip(path: Path, chance: random.Random) -> None:
    raw = bytearray(path.read_bytes())
    raw[chance.randrange(len(raw))] ^= 1 << chance.randrange(8)
    path.write_bytes(raw)


def _flip_in(pattern: str) -> Callable[[Path, random.Random], bool]:
    def mutate(folder: Path, chance: random.Random) -> bool:
        found = _files(folder, pattern)
        if found:
            _flip(chance.choice(found), chance)
        return bool(found)

    return mutate


def _cut(pattern: str) -> Callable[[Path, random.Random], bool]:
    def mutate(folder: Path, chance: random.Random) -> bool:
        found = _files(folder, pattern)
        if found:
            path = chance.choice(found)
            with path.open("r+b") as file:
                file.truncate(chance.randrange(path.stat().st_size))
        return bool(found)

    return mutate


def _delete(pattern: str) -> Callable[[Path, random.Random], bool]:
    def mutate(folder: Path, chance: random.Random) -> bool:
        found = _files(folder, pattern)
        if found:
            chance.choice(found).unlink()
        return bool(found)

    return mutate


WITHIN: dict[str, Callable[[Path, random.Random], bool]] = {
    "bit flipped in a table": _flip_in("*.sst"),
    "bit flipped in the write-ahead log": _flip_in("*.log"),
    "bit flipped in the manifest": _flip_in("MANIFEST-*"),
    "CURRENT deleted": _delete("CURRENT"),
    "table cut": _cut("*.sst"),
    "table deleted": _delete("*.sst"),
    "write-ahead log cut": _cut("*.log"),
    "manifest cut": _cut("MANIFEST-*"),
}
"""Mutations of one partition's directory; each says whether it found something to hurt."""


def corrupt_stores(stage: Stage) -> FaultResult:
    """Sixty mutations over the partitions of one worker, after clean stops and after kills."""
    wanted = stage.count(MUTATIONS, least=10)
    events = deliveries(stage, "F10", stage.count(40_000, least=6_000))
    chance = stage.chance("F10")
    with Arena(stage, "F10", "state corrupted on disk", events, rate=2_000, burst=1_000) as arena:
        [worker] = arena.start_workers("a")
        arena.feed()
        counts: dict[str, int] = {}
        rebuilt = done = 0
        while done < wanted:
            (worker.kill if chance.random() < 0.5 else worker.end)()
            check_silence(arena, worker)
            made = mutate_all(worker, arena.partitions, chance)
            for what in made:
                counts[what] = counts.get(what, 0) + 1
            done += len(made)
            worker.start()
            took = arena.await_running(f"mutation {done}")
            arena.result.recoveries.append(took)
            rebuilt += sum(bool(task["restore"]["rebuilt_because"]) for task in worker.tasks("running"))
            stage.say(f"F10 {done}/{wanted} mutations, {rebuilt} stores rebuilt; ran again in {took:.1f} s")
        return arena.conclude(**counts, **{"stores rebuilt": rebuilt})


def store_of(worker: Worker, partition: int) -> Path:
    """Where a worker keeps a partition's rows."""
    return Path(worker.config["state_dir"]) / "job" / str(partition) / "rows"


def check_silence(arena: Arena, worker: Worker) -> None:
    """Between two lives: a store that differs from the changelog behind the engine's back is what must not be.

    A store that was killed may be behind by what was committed last; then it must be so by its own mark, which the
    next start reads on from. So only stores whose mark is at the end are compared.
    """
    changelog = rows.replay(read_all(arena.bootstrap, places((arena.topics.changelog,), arena.partitions)))
    for partition in range(arena.partitions):
        folder = store_of(worker, partition)
        for finding in rows.differences_at_same_position(changelog.get(partition, {}), folder):
            arena.findings.add("divergent-digest", f"partition {partition}", finding)


def mutate_all(worker: Worker, partitions: int, chance: random.Random) -> list[str]:
    """Hurt each partition's directory in some way; gives the ways."""
    folders = [store_of(worker, partition) for partition in range(partitions)]
    backup = Path(worker.config["state_dir"]).with_name("backup")
    made: list[str] = []
    if chance.random() < 0.2:
        first, second = chance.sample(folders, 2)
        aside = first.with_name("aside")
        first.rename(aside)
        second.rename(first)
        aside.rename(second)
        made += ["directories of two partitions swapped"] * 2
        folders = [folder for folder in folders if folder not in (first, second)]
    for folder in folders:
        stale = backup / folder.parent.name
        if stale.exists() and chance.random() < 0.15:
            shutil.rmtree(folder)
            shutil.copytree(stale, folder)
            made.append("directory of an older backup")
            continue
        shutil.rmtree(stale, ignore_errors=True)
        shutil.copytree(folder, stale)
        ways = list(WITHIN)
        chance.shuffle(ways)
        made += [next(way for way in ways if WITHIN[way](folder, chance))]
    return made
