"""What a finished seed is judged by: the invariants, by name.

Invariant: everything is judged from the logs and the disks, never from what the engine says about itself.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from simulation.broker import COMMITTED, GONE, MARKER, OPEN

from tieout.agents.spec import ENGINE_ROW_PREFIX
from tieout.streams.engine.positions import DIGEST_ROW, LOCAL_PREFIX, POSITION_ROW, decode_position


def judge(world: Any) -> list[str]:
    """All anomalies of a finished run, those noticed on the way first."""
    found = list(world.anomalies)
    found += hanging(world)
    found += zombies(world)
    if not any(each.startswith("I11") for each in found):
        found += digests(world)
    found += world.workload.judge(world)
    return found


def outputs(world: Any) -> dict[tuple[str, int], list[Any]]:
    """Committed records of the output topics, by place."""
    topics = world.spec.output_topics
    return {
        place: world.broker.partitions[place].committed()
        for place in sorted(world.broker.partitions)
        if place[0] in topics
    }


def by_key(world: Any) -> dict[tuple[str, bytes | None], list[bytes]]:
    """Output values per topic and key, in the order of the log."""
    found: dict[tuple[str, bytes | None], list[bytes]] = defaultdict(list)
    for (topic, _), records in outputs(world).items():
        for record in records:
            found[topic, record.key].append(record.value)
    return found


def hanging(world: Any) -> Iterator[str]:
    """I9: nothing is undecided at the end."""
    for place, found in world.broker.partitions.items():
        if found.stable != found.high:
            writers = {record.writer for record in found.records if record.state == OPEN}
            yield f"I9 hanging transaction: {place} is decided to {found.stable} of {found.high}, open: {sorted(writers)}"


def zombies(world: Any) -> Iterator[str]:
    """I8: once the next owner of a partition has written what it then commits, an elder one commits nothing.

    Whatever an owner calls itself: a changelog partition has one at a time, so its committed records and their markers
    are one owner's, then the next one's, and never again an elder one's.
    """
    for (topic, partition), found in world.broker.partitions.items():
        if topic != world.spec.changelog_topic:
            continue
        owner, elder = None, set()
        for offset, acting in committing(found.records):
            if acting in elder:
                yield f"I8 zombie: {acting} committed in {topic}/{partition} {offset}, after {owner} had taken over"
                break
            if acting != owner:
                elder.add(owner)
                owner = acting


def committing(records: list[Any]) -> Iterator[tuple[int, tuple[str, int]]]:
    """Offset and (writer, epoch) of each committed record, and of the marker that committed it."""
    undecided: dict[str, int] = {}
    for record in records:
        if record.state in (COMMITTED, GONE):
            undecided[record.writer] = record.epoch
            yield record.offset, (record.writer, record.epoch)
        elif record.state == MARKER and record.writer in undecided:
            yield record.offset, (record.writer, undecided.pop(record.writer))


def folded(world: Any, partition: int) -> dict[bytes, bytes]:
    """A partition's rows as its changelog tells them."""
    rows: dict[bytes, bytes | None] = {}
    for record in world.broker.at(world.spec.changelog_topic, partition).committed():
        rows[record.key] = record.value
    return {key: value for key, value in rows.items() if value is not None}


def stepped(world: Any, partition: int) -> int:
    """The position that a partition has come to."""
    position = decode_position(folded(world, partition).get(POSITION_ROW))
    return 0 if position is None else position.next


def digest_of(rows: dict[bytes, bytes]) -> bytes:
    """What ``DIGEST_ROW`` must be, worked out anew."""
    total = 0
    for key, value in rows.items():
        if not key.startswith(ENGINE_ROW_PREFIX):
            raw = b"%d:%b%b" % (len(key), key, value)
            total += int.from_bytes(hashlib.blake2b(raw, digest_size=16).digest(), "little")
    return (total % (1 << 128)).to_bytes(16, "little")


def digests(world: Any) -> Iterator[str]:
    """I7: the owner's disk, the changelog and the digest in it say the same."""
    for partition in range(world.swarm.partitions):
        told = folded(world, partition)
        live = live_rows(world, partition)
        if live is not None and live != told:
            names = [key for key in {**live, **told} if live.get(key) != told.get(key)]
            yield f"I7 digest: partition {partition}: {len(names)} rows differ between disk and changelog, such as {names[:3]}"
        if told.get(DIGEST_ROW, bytes(16)) != digest_of(told):
            yield f"I7 digest: partition {partition}: the rows of the changelog do not add up to its digest"


def live_rows(world: Any, partition: int) -> dict[bytes, bytes] | None:
    """The rows on the disk of the worker that owned the partition last; None when nobody did."""
    owner = world.last_owner.get(partition)
    if owner is None:
        return None
    rows = owner.folder(partition).rows.rows
    return {key: value for key, value in rows.items() if not key.startswith(LOCAL_PREFIX)}


def differing(live: Any, again: Any) -> Iterator[str]:
    """I6: the same input log from an empty state gives the same bytes, in order per key or per partition."""
    ordered = by_place if live.workload.ordered_by == "partition" else by_key
    first, second = ordered(live), ordered(again)
    for place in sorted({*first, *second}, key=str):
        a, b = first.get(place, []), second.get(place, [])
        if a != b:
            at = next((n for n, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
            yield f"I6 replay: {place} has {len(a)} records, a replay {len(b)}; the first difference is number {at}"


def by_place(world: Any) -> dict[tuple[str, int], list[tuple[bytes | None, bytes | None]]]:
    """Output keys and values per partition, in the order of the log."""
    return {
        place: [(record.key, record.value) for record in records] for place, records in outputs(world).items()
    }
