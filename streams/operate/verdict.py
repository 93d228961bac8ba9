"""One sentence about the cluster that a finance person understands, and whether it is fine. Pure.

Invariant: the worst thing comes first, and nothing that needs a person is left out for something milder: a page that
says "fine" has looked at owners, states, silence, lag and the sum of outcomes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from tieout.streams.operate.account_words import standing, state_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tieout.streams.operate.snapshot import ClusterSnapshot, PartitionView

LAG_SECONDS = 300.0
"""Older unread events than this are worth a look (the alert rule uses the same figure)."""

STANDING_SECONDS = 10.0
"""A partition that moves commits several times a second; one that does not for so long is held up by something."""

FINE, ATTENTION, BROKEN = "fine", "attention", "broken"


class Verdict(NamedTuple):
    """``level`` is fine, attention or broken."""

    level: str
    sentence: str


def judge(now: ClusterSnapshot) -> Verdict:
    """The first sentence of the page."""
    if not now.workers:
        return Verdict(BROKEN, "No worker has reported yet, so nothing is being processed.")
    broken, attention = list(_broken(now)), list(_attention(now))
    if broken:
        return Verdict(BROKEN, " ".join(broken + attention))
    if attention:
        return Verdict(ATTENTION, " ".join(attention))
    return Verdict(FINE, _fine(now))


def _broken(now: ClusterSnapshot) -> Iterator[str]:
    if not now.balanced:
        lost = [p for p in now.partitions if p.received != p.accounted]
        yield f"The counts of {_places(lost)} do not add up: events received and where they went differ."
    if all(worker.silent for worker in now.workers):
        quiet = min(worker.heard_seconds_ago for worker in now.workers)
        yield f"No worker has been heard for {quiet:.0f} seconds."
        return
    for partition in now.partitions:
        if partition.state == "halted":
            yield f"{_place(partition).capitalize()} has halted: {partition.reason or 'no reason given'}."
    if nobody := [p for p in now.partitions if p.state == "nobody"]:
        yield f"Nobody works on {_places(nobody)}."
    for account in now.accounts:
        if account.stopped:
            yield f"ERP account {account.account} is {standing(account)}."


def _attention(now: ClusterSnapshot) -> Iterator[str]:
    silent = [worker for worker in now.workers if worker.silent]
    if silent and len(silent) < len(now.workers):
        names = ", ".join(worker.worker_id for worker in silent[:3])
        yield f"{_count(len(silent), 'worker')} of {len(now.workers)} not heard any more: {names}."
    for account in now.accounts:
        if state_of(account) in ("open", "half_open"):
            yield f"ERP account {account.account} is {standing(account)}."
    for state, words in (("silent", "wait for a new owner"), ("restoring", "are restoring their state")):
        if found := [p for p in now.partitions if p.state == state]:
            yield f"{_count(len(found), 'partition')} {_agree(words, len(found))}."
    for partition in [p for p in now.partitions if p.state in ("waiting", "paused") and p.reason][:3]:
        yield f"{_place(partition).capitalize()} is {partition.state}: {partition.reason}."
    for partition in [p for p in now.partitions if stands(p)][:3]:
        yield f"{_place(partition).capitalize()} has not moved for {partition.standing_seconds:.0f} seconds."
    late = [p for p in now.partitions if p.lag_seconds > LAG_SECONDS]
    if late:
        last = max(late, key=lambda p: p.lag_seconds)
        yield (
            f"{_count(len(late), 'partition')} behind by up to {last.lag_seconds / 60:.0f} minutes,"
            f" most of all {_place(last)}."
        )


def stands(partition: PartitionView) -> bool:
    """Whether a partition that should work has stood still for too long."""
    return partition.state == "running" and partition.standing_seconds > STANDING_SECONDS


def _fine(now: ClusterSnapshot) -> str:
    unread = sum(p.lag_records for p in now.partitions)
    working = len(now.partitions)
    first = (
        f"All {working} partitions are current."
        if not unread
        else f"All {working} partitions are working; {unread:,} events are still unread."
    )
    return f"{first} Every event received is accounted for. {_waiting(now)}"


def _waiting(now: ClusterSnapshot) -> str:
    if not now.exceptions:
        return "No exception is open."
    by_owner: dict[str, int] = {}
    for row in now.exceptions:
        by_owner[row.owner] = by_owner.get(row.owner, 0) + row.count
    owners = ", ".join(f"{owner} {count:,}" for owner, count in sorted(by_owner.items()))
    return f"{_count(sum(by_owner.values()), 'exception')} open: {owners}."


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _agree(words: str, number: int) -> str:
    if number != 1:
        return words
    return words.replace("wait for", "waits for").replace("are restoring their", "is restoring its")


def _place(partition: PartitionView) -> str:
    return f"partition {partition.partition} of {partition.agent}"


def _places(partitions: Sequence[PartitionView]) -> str:
    shown = ", ".join(_place(p) for p in partitions[:3])
    return shown if len(partitions) <= len(partitions[:3]) else f"{shown} and {len(partitions) - 3} more"
