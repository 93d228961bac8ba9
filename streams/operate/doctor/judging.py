"""Turns what was seen into findings, worst reasons first within each subject. Pure.

Invariant: every rule says something when all is well, too: a report without a line about a subject would leave open
whether somebody has looked.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from tieout.streams.operate.doctor.evidence import Ends, LogPlace, Machine, Seen
from tieout.streams.operate.doctor.findings import SEVERITIES, Finding, step_after_halt
from tieout.streams.operate.snapshot import PartitionView
from tieout.streams.operate.verdict import LAG_SECONDS
from tieout.streams.topics import AGENT_INPUTS, changelog_of

FREE_BYTES_MIN = 1 << 30
FREE_SHARE_MIN = 0.1
"""Less room than this in the state directory wants attention; RocksDB needs room to compact."""
SKEW_SECONDS_MAX = 3.0
"""A heartbeat is up to two seconds old when the broker dates it."""
STABLE = "Stable"
NEVER_JOINED = "Dead"
"""What Kafka calls a group that it does not know."""
OPTIONAL = "posting"
"""An installation may leave its commands to others; once it has posted, somebody must go on."""


def machine_findings(here: Machine) -> Iterator[Finding]:
    """This installation and its disk; needs no broker."""
    if here.extensions is None and here.codec:
        yield Finding("fine", "version", f"tieout {here.version} on Python {here.python}, {here.codec} codec")
    if here.codec_trouble is not None:
        found, _, next_step = here.codec_trouble.rpartition(": ")
        yield Finding("attention" if here.codec else "broken", "version", found, next_step)
    if here.extensions is not None:
        yield Finding(
            "broken", "version", here.extensions, "install Faust as a wheel for CPython and unset NO_CYTHON"
        )
    where, free = str(here.state_dir), f"{here.free_bytes / (1 << 30):.1f} GiB free"
    if not here.writable:
        yield Finding("broken", "state directory", f"{where} cannot be written", "mend its owner or its mode")
    elif here.free_bytes < max(FREE_BYTES_MIN, FREE_SHARE_MIN * here.total_bytes):
        yield Finding(
            "attention",
            "state directory",
            f"{where} has {free}: a full disk makes partitions wait",
            "make room, or give the state a larger disk (TIEOUT_STATE_DIR); it is restored from the changelog",
        )
    else:
        yield Finding("fine", "state directory", f"{where} has {free}")


def kafka_findings(seen: Seen, version: str) -> Iterator[Finding]:
    """Everything that a Kafka that answers shows."""
    yield Finding("fine", "broker", f"{seen.bootstrap} answers")
    yield from _settled("topics", "all topics are as the table wants them", _topics(seen))
    yield from _settled("groups", "every group is stable and has members", _groups(seen))
    yield from _settled("workers", _heard(seen), _workers(seen, version))
    yield from _settled("partitions", _working(seen), _partitions(seen))
    yield from _settled("positions", "every position lies within its log", _positions(seen))
    yield from _settled("transactions", "no transaction stands open", _transactions(seen))
    yield from _settled("clocks", _compared(seen), _clocks(seen))


def _settled(about: str, fine: str, findings: Iterator[Finding]) -> Sequence[Finding]:
    found = sorted(findings, key=lambda finding: -SEVERITIES.index(finding.severity))
    return found or [Finding("fine", about, fine)]


def _topics(seen: Seen) -> Iterator[Finding]:
    for refused in seen.plan.refused:
        yield Finding("broken", "topics", f"{refused.topic}: {refused.what}", refused.next_step)
    if missing := [spec.name for spec in seen.plan.create]:
        yield Finding("broken", "topics", f"missing: {', '.join(missing)}", "tieout topics apply")
    for change in seen.plan.change:
        yield Finding(
            "attention",
            "topics",
            f"{change.topic} has {change.setting.name}={change.current}, wanted is {change.setting.value}:"
            f" {change.setting.reason}",
            "tieout topics plan, then tieout topics apply",
        )


def _groups(seen: Seen) -> Iterator[Finding]:
    for group in seen.groups:
        if group.agent == OPTIONAL and group.state == NEVER_JOINED:
            continue
        if not group.members:
            yield Finding(
                "broken",
                "groups",
                f"nobody reads for agent {group.agent}",
                f"start a worker: tieout worker --agents {group.agent}",
            )
        elif group.state != STABLE:
            yield Finding(
                "attention",
                "groups",
                f"the group of {group.agent} is {group.state} with {group.members} members",
                "look again in ten seconds; if it stays so, a worker joins and leaves: look at the workers' logs",
            )


def _heard(seen: Seen) -> str:
    count = len(seen.cluster.workers)
    return f"{count} worker{'' if count == 1 else 's'} heard, all of this version"


def _workers(seen: Seen, version: str) -> Iterator[Finding]:
    workers = seen.cluster.workers
    if not workers:
        yield Finding("broken", "workers", "no worker has ever reported", "start one: tieout worker")
    for worker in workers:
        if worker.silent:
            orphans = [
                p for p in seen.cluster.partitions if p.owner == worker.worker_id and p.state == "silent"
            ]
            yield Finding(
                "broken" if orphans else "attention",
                "workers",
                f"{worker.worker_id} on {worker.host} has not been heard for {worker.heard_seconds_ago:.0f} s"
                + (f"; {len(orphans)} of its partitions have no new owner" if orphans else ""),
                "look at its process and log; a supervisor should have restarted it",
            )
        elif worker.version != version:
            yield Finding(
                "attention",
                "workers",
                f"{worker.worker_id} runs tieout {worker.version}, this is {version}",
                "finish the upgrade: restart the workers one after the other",
            )
    if seen.cluster.unreadable_heartbeats:
        yield Finding(
            "attention",
            "workers",
            f"{seen.cluster.unreadable_heartbeats} heartbeats are of another version and cannot be read",
            "use the doctor of the newest version that runs",
        )


def _working(seen: Seen) -> str:
    count = len(seen.cluster.partitions)
    return f"all {count} partitions are at work" if count else "no worker has told of any yet"


def _partitions(seen: Seen) -> Iterator[Finding]:
    for partition in seen.cluster.partitions:
        yield from _partition(partition, seen)
    if not seen.cluster.balanced:
        yield Finding(
            "broken",
            "partitions",
            "in a partition the events received are not the sum of where they went",
            "keep everything as it is and report it: the stats page shows which partition",
        )


def _partition(now: PartitionView, seen: Seen) -> Iterator[Finding]:
    name, unread = f"partition {now.partition} of {now.agent}", f"{now.lag_records:,} records unread"
    if now.state == "halted":
        yield Finding("broken", "partitions", f"{name} has halted: {now.reason}", step_after_halt(now.reason))
    elif now.state == "nobody":
        yield Finding(
            "broken",
            "partitions",
            f"nobody works on {name}",
            f"start a worker: tieout worker --agents {now.agent}",
        )
    elif now.state == "silent":
        return  # told once, with its worker
    elif now.state != "running":
        yield Finding(
            "attention",
            "partitions",
            f"{name} is {now.state}: {now.reason or 'no reason given'}",
            "it goes on by itself when its reason has gone; docs/operations.md, waiting reasons",
        )
    elif now.lag_records and now.position == seen.positions.get((now.agent, now.partition)):
        yield Finding(
            "attention",
            "partitions",
            f"{name} has not moved for {seen.apart_seconds:.0f} s, {unread}",
            f"look at the log of worker {now.owner} and at its loop lag on the stats page",
        )
    elif now.lag_seconds > LAG_SECONDS:
        yield Finding(
            "attention",
            "partitions",
            f"{name} is {now.lag_seconds / 60:.0f} minutes behind, {unread}",
            "let it catch up, or start more workers: up to one per partition",
        )


def _positions(seen: Seen) -> Iterator[Finding]:
    """What the group has committed is left out: a heartbeat's position may be older than it."""
    for now in seen.cluster.partitions:
        ends = seen.second.get((AGENT_INPUTS.get(now.agent, ""), now.partition))
        if ends is None or now.position < 0 or not now.owner:
            continue
        if code := _contradiction(now.position, ends):
            yield Finding(
                "broken",
                "positions",
                f"partition {now.partition} of {now.agent}: {code}: it is to read {now.position} next, the log has"
                f" {ends.start} to {ends.high}",
                step_after_halt(code),
            )


def _contradiction(position: int, ends: Ends) -> str | None:
    if position > ends.high:
        return "log_truncated"
    return "retention_overtook" if position < ends.start else None


def _transactions(seen: Seen) -> Iterator[Finding]:
    """Partitions whose last stable offset stood still below records that were there at the first look."""
    stuck: Counter[str] = Counter()
    places: dict[str, LogPlace] = {}
    for place, before in seen.first.items():
        now = seen.second.get(place)
        if now is not None and before.stable == now.stable < before.high:
            stuck[place[0]] += 1
            places.setdefault(place[0], place)
    changelogs = {changelog_of(agent) for agent in AGENT_INPUTS}
    for topic, count in sorted(stuck.items()):
        where, ends = places[topic], seen.second[places[topic]]
        yield Finding(
            "broken" if topic in changelogs else "attention",
            "transactions",
            f"a transaction has stood open on {topic} for {seen.apart_seconds:.0f} s or more: partition {where[1]} is"
            f" readable up to {ends.stable} of {ends.high} ({count} partitions like it)",
            "the broker gives it up after its transaction timeout (60 s for a worker of tieout); if it stays, "
            "kafka-transactions.sh find-hanging names the writer",
        )


def _compared(seen: Seen) -> str:
    count = len(seen.ahead_seconds)
    return f"{count} clocks agree with the broker's" if count else "no fresh heartbeat to compare clocks by"


def _clocks(seen: Seen) -> Iterator[Finding]:
    for worker, ahead in sorted(seen.ahead_seconds.items()):
        if abs(ahead) > SKEW_SECONDS_MAX:
            whose = f"worker {worker}" if worker else "this machine"
            yield Finding(
                "attention",
                "clocks",
                f"the clock of {whose} is {abs(ahead):.0f} s {'ahead of' if ahead > 0 else 'behind'} the broker's",
                "set both by a time service; results do not depend on it, ages on the stats page do",
            )


def nobody_answers(bootstrap: str, why: str) -> Finding:
    """There is no Kafka to look at."""
    return Finding(
        "broken",
        "broker",
        f"no Kafka answers at {bootstrap} ({why})",
        "start it (tieout broker start), or correct --bootstrap or TIEOUT_BOOTSTRAP",
    )
