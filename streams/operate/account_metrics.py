"""The Prometheus metrics of ERP accounts, read from the same heartbeat as page and command line.

Invariant: what is unknown has no series; an alert on absence is honest, a made-up number is not. Labels are bounded: accounts
by the file of accounts, entities by the backlog's own bound, everything else by lists of ours or ISO 4217's.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from tieout.agents.posting.backlog import AGES
from tieout.streams.operate.account_words import STATES, state_of
from tieout.streams.operate.metric_entries import Entry, Series

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from tieout.streams.operate.status import AccountStatus, WorkerStatus

_ACCOUNT = ("account",)


def _accounts(
    read: Callable[[AccountStatus], Iterable[Series]],
) -> Callable[[WorkerStatus], Iterator[Series]]:
    def series(status: WorkerStatus) -> Iterator[Series]:
        for partition in status.partitions:
            if partition.account is not None:
                for labels, value in read(partition.account):
                    yield (partition.account.account, *labels), value

    return series


def _one(value: Callable[[AccountStatus], float | None]) -> Callable[[WorkerStatus], Iterator[Series]]:
    def read(account: AccountStatus) -> Iterator[Series]:
        found = value(account)
        if found is not None:
            yield (), found

    return _accounts(read)


def _unposted(account: AccountStatus) -> Iterator[Series]:
    found: Counter[tuple[str, str, str]] = Counter()
    for row in account.backlog:
        for age, count in zip(AGES, row.ages, strict=False):
            found[row.entity, row.kind, age] += count
    return iter(sorted((labels, count) for labels, count in found.items() if count))


def _drain(account: AccountStatus) -> Iterator[Series]:
    for pace, seconds in (("present", account.drain_seconds), ("slots", account.drain_seconds_at_slots)):
        if seconds is not None:
            yield (pace,), seconds


def _state(account: AccountStatus) -> Iterator[Series]:
    now = state_of(account)
    return (((state,), state == now) for state in STATES)


ACCOUNT_CATALOGUE: tuple[Entry, ...] = (
    Entry(
        "erp_unposted_commands",
        "gauge",
        ("account", "entity", "kind", "age"),
        "Commands that are not in the ERP yet, by age; of those that have been read",
        _accounts(_unposted),
    ),
    Entry(
        "erp_unread_commands",
        "gauge",
        _ACCOUNT,
        "About how many commands more wait in Kafka, because the window of live ones is full",
        _one(lambda a: a.unread),
    ),
    Entry(
        "erp_unposted_oldest_seconds",
        "gauge",
        _ACCOUNT,
        "Age of the oldest unposted command; no series where there is none",
        _one(lambda a: a.oldest_seconds),
    ),
    Entry(
        "erp_movable_oldest_seconds",
        "gauge",
        _ACCOUNT,
        "The same of the oldest that no person has to act for: what stands parked for days is none of it",
        _one(lambda a: a.movable_oldest_seconds),
    ),
    Entry(
        "erp_unposted_amount_minor",
        "gauge",
        ("account", "currency"),
        "What the unposted commands move, in minor units of the currency",
        _accounts(lambda a: (((name,), minor) for name, minor in sorted(a.amounts.items()))),
    ),
    Entry(
        "erp_parked_lanes",
        "gauge",
        ("account", "reason", "owner"),
        "Lanes that stand still until somebody acts, by reason and whose work that is",
        _accounts(lambda a: (((p.reason, p.owner), p.lanes) for p in a.parked_lanes)),
    ),
    Entry(
        "erp_parked_behind_commands",
        "gauge",
        ("account", "reason", "owner"),
        "Commands that wait behind the parked ones of those lanes",
        _accounts(lambda a: (((p.reason, p.owner), p.commands_behind) for p in a.parked_lanes)),
    ),
    Entry(
        "erp_drain_seconds",
        "gauge",
        ("account", "pace"),
        "Until everything is posted that no person has to act for, at the present pace and at the slot limit; no series where"
        " that is unknown, because nothing is being posted",
        _accounts(_drain),
    ),
    Entry(
        "erp_received_commands_total",
        "counter",
        ("account", "kind"),
        "Commands that have been read, each once. Over all workers and accounts it equals commands_emitted_total by kind, when"
        " nothing is unread",
        _accounts(lambda a: (((kind,), count) for kind, count in a.received.items())),
    ),
    Entry(
        "erp_posted_commands_total",
        "counter",
        _ACCOUNT,
        "Commands that the ERP has, committed, over the life of the partition",
        _one(lambda a: a.posted),
    ),
    Entry(
        "erp_slots_calls",
        "gauge",
        _ACCOUNT,
        "Calls at once that the account is configured for",
        _one(lambda a: a.slots),
    ),
    Entry(
        "erp_limit_calls",
        "gauge",
        _ACCOUNT,
        "Calls at once that the ERP takes now, as its answers say",
        _one(lambda a: a.limit),
    ),
    Entry(
        "erp_running_calls", "gauge", _ACCOUNT, "Calls that the ERP has now", _one(lambda a: a.calls_running)
    ),
    Entry(
        "erp_throttled_calls_total",
        "counter",
        _ACCOUNT,
        "Calls that the ERP refused for their pace, since the worker started",
        _one(lambda a: a.throttled),
    ),
    Entry(
        "erp_account_state",
        "gauge",
        ("account", "state"),
        "1 for the state that the account is in: calling, paused (the ERP asked for it), open and half_open (circuit breaker),"
        " stopped (we are not let in: a person is needed, alert on it)",
        _accounts(_state),
    ),
)
