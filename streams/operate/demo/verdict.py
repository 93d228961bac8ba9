"""Whether a demo tied out, and the figures that say so.

An installed demo judges itself by control totals, ids, and the ERP's books against the commands; a judge with an oracle adds
its differences. Invariant: ``tied_out`` is true only when every check that was made found nothing.
"""

from __future__ import annotations

import platform
from collections import Counter
from collections.abc import Iterator
from typing import Any

import msgspec

from tieout.streams.operate.demo.logbook import Journey
from tieout.streams.operate.demo.tally import MEASURES
from tieout.tables.totals import OUTCOMES


class OracleFinding(msgspec.Struct, frozen=True, kw_only=True):
    """What an independent oracle found. ``oracle_difference`` sums absolute differences, in minor units."""

    lost: int
    duplicated: int
    oracle_difference: int
    contracts_differing: int
    erp_difference: int | None = None
    """Sum of absolute differences of the ERP's trial balance, by entity, account, currency and period; None without one."""
    findings: tuple[str, ...] = ()
    """Every difference as a short sentence, the first few of each kind."""


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """The figures of one run; ``oracle_difference`` and ``erp_difference`` are None when no oracle judged.

    ``erp``: its name, how many commands it has of how many, and how many balances were compared; None where none was posted to.
    """

    tied_out: bool
    problems: tuple[str, ...]
    lost: int
    duplicated: int
    oracle_difference: int | None
    contracts_differing: int | None
    erp_difference: int | None
    erp: dict[str, Any] | None
    told_late: dict[str, Any]
    kills: int
    recovery_seconds: tuple[float, ...]
    events: dict[str, Any]
    commands: dict[str, int]
    measures: tuple[dict[str, Any], ...]
    exceptions: tuple[dict[str, Any], ...]
    decisions: dict[str, int]
    dead_letters: dict[str, int]
    seconds: dict[str, float]
    rates: dict[str, float]
    run: dict[str, Any]


def judge(journey: Journey, finding: OracleFinding | None) -> Verdict:
    """All checks and figures."""
    tally, options = journey.tally, journey.options
    counts = {name: sum(by.get(name, 0) for by in journey.outcomes.values()) for name in OUTCOMES}
    lost = max(0, journey.produced - journey.received) + tally.lane_gaps() + (finding.lost if finding else 0)
    duplicated = tally.duplicated_ids + (finding.duplicated if finding else 0)
    problems = tuple(_problems(journey, counts, lost, duplicated, finding))
    return Verdict(
        tied_out=not problems,
        problems=problems,
        lost=lost,
        duplicated=duplicated,
        oracle_difference=finding.oracle_difference if finding else None,
        contracts_differing=finding.contracts_differing if finding else None,
        erp_difference=finding.erp_difference if finding else None,
        erp=_erp(journey),
        told_late=_told_late(journey),
        kills=len(journey.kills),
        recovery_seconds=tuple(round(kill.recovered_seconds or -1.0, 2) for kill in journey.kills),
        events={
            "sent": journey.produced,
            "received": journey.received,
            "outcomes": counts,
            "by_type": journey.outcomes,
        },
        commands=dict(sorted(tally.commands.items())),
        measures=_measures(journey),
        exceptions=tuple(
            {"owner": owner, "code": code, "open": count}
            for (owner, code), count in sorted(tally.open_exceptions().items())
        ),
        decisions=dict(sorted(tally.decisions.items())),
        dead_letters=dict(sorted(tally.dead_letters.items())),
        seconds={step: round(seconds, 2) for step, seconds in journey.seconds.items()},
        rates={
            "events_per_second": round(journey.received / max(journey.seconds.get("events", 0.0), 0.001), 1),
            "outputs": journey.outputs,
        },
        run={
            "scenario": options.scenario,
            "contracts": options.contracts,
            "workers": options.workers,
            "partitions": options.partitions,
            "seed": options.seed,
            "erp": options.erp,
            "revenue_through": options.through_day,
            "closed": options.close_period,
            "python": platform.python_version(),
        },
    )


def _problems(
    journey: Journey, counts: dict[str, int], lost: int, duplicated: int, finding: OracleFinding | None
) -> list[str]:
    found: list[str] = []
    if lost:
        found.append(f"{lost} events or commands are missing")
    if duplicated:
        found.append(f"{duplicated} ids were emitted more than once")
    if sum(counts.values()) != journey.received:
        found.append(f"outcomes add up to {sum(counts.values())}, received were {journey.received}")
    if journey.tally.unbalanced_journals:
        found.append(f"{journey.tally.unbalanced_journals} journals do not balance")
    if len(journey.kills) < journey.options.kills:
        found.append(f"{len(journey.kills)} of {journey.options.kills} kills took place")
    if finding and finding.oracle_difference:
        found.append(
            f"amounts differ from the oracle by {finding.oracle_difference} minor units"
            f" on {finding.contracts_differing} contracts"
        )
    if finding:
        found.extend(finding.findings)
    found.extend(_erp_problems(journey, finding))
    return found


def _erp_problems(journey: Journey, finding: OracleFinding | None) -> Iterator[str]:
    tally, books = journey.tally, journey.erp
    if journey.told_late and not tally.moved:
        yield f"{len(journey.told_late)} events came after the close, and nothing was posted into a later period"
    if books is None:
        return
    missing = tally.commands.total() - books.documents
    if missing:
        yield f"{books.name} has {books.documents} of {tally.commands.total()} commands"
    off = sum(abs(books.balances[place] - tally.balances[place]) for place in books.balances | tally.balances)
    if off:
        yield f"the trial balance of {books.name} differs from the commands by {off} minor units"
    if finding and finding.erp_difference:
        yield f"the trial balance of {books.name} differs from the oracle by {finding.erp_difference} minor units"


def _erp(journey: Journey) -> dict[str, Any] | None:
    books = journey.erp
    if books is None:
        return None
    return {
        "name": books.name,
        "documents": books.documents,
        "commands": journey.tally.commands.total(),
        "balances": sum(1 for amount in books.balances.values() if amount),
    }


def _told_late(journey: Journey) -> dict[str, Any]:
    """Events about the closed period that came after its close, and the postings into later periods that they led to."""
    posted: Counter[str] = Counter()
    for (_, period), count in journey.tally.moved.items():
        posted[period] += count
    return {
        "events": len(journey.told_late),
        "about": journey.options.close_period,
        "posted_into": dict(sorted(posted.items())),
    }


def _measures(journey: Journey) -> tuple[dict[str, Any], ...]:
    places = sorted({(entity, currency) for entity, currency, _ in journey.tally.measures})
    return tuple(
        {
            "entity": entity,
            "currency": currency,
            **{name: journey.tally.measures[entity, currency, name] for name in MEASURES},
        }
        for entity, currency in places
    )
