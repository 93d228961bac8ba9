"""How fast an ERP account may be called: what its answers say about it, as pure arithmetic.

Four limits, each after a known rule: calls at once by slow start, additive increase and multiplicative decrease (RFC 5681),
a stated rate (GCRA, ITU-T I.371), a stop while most calls fail with one probe after it (circuit breaker, Nygard, Release
It!), and retries as a share of all calls (retry budget, Google SRE book, chapter 21). Libraries for these wait by
themselves, on a clock of their own; here a command that has to wait goes back instead. Invariant: the limit is between 1 and
the configured slots.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import floor
from typing import Literal

CallEnd = Literal["done", "throttled", "failed", "auth"]
"""How a call ended, for the pace: done (an answer about the business, refusals included), throttled (too fast), failed (no
answer, or none that helps), auth (nobody is let in)."""

Breaker = Literal["closed", "open", "half_open"]
"""closed: calls go. open: none is begun for a while, because most failed. half_open: the next call alone decides."""

NOT_LET_IN = "the ERP does not let us in"

RATE_MIN = 0.01
"""Commands a second below which a rate is no rate: what is left of a smoothed one long after the last posting."""

THROTTLED_DECREASE = 0.75
"""A refusal for pace costs the ERP little and says that one call was too many: not as harsh as where nothing came back."""

FAILED_DECREASE = 0.5
FAILED_LOWERS = 3
"""With fewer failures among the latest calls the ERP is well. A connection in a hundred that breaks says nothing about the
pace; halving the limit for it would cost two fifths of the rate, and a budget for retries all that was refused meanwhile."""

INCREASE_CALLS = 10
"""Above the threshold one more call at once is tried after so many calls per slot: each try may cost a refusal."""

RATE_BURST_SECONDS = 0.1
"""So far ahead of a stated rate calls may be begun."""

LATEST_MAX = 20
"""Calls that the breaker looks back on."""

FAILING_SHARE = 0.5
FAILING_MIN = 5
"""The breaker opens when so many calls failed and they are such a share of the latest ones."""

RETRY_SHARE = 0.1
RETRIES_SAVED_MAX = 20.0
RETRIES_PER_SECOND = 1.0
RETRIES_FREE = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """State of one account's pace. Times are monotonic seconds.

    ``limit``: calls at once, with the fraction that additive increase has gathered; up to ``threshold`` it grows fast.
    ``rate``: calls a second, ``rate_at`` when the next one is due by it. ``latest``: of the last calls, which failed.
    ``open_until``: no call before (breaker, or ``Retry-After``). ``probing``: the next call alone decides. ``stopped``: why
    nothing is sent until a person acts.
    """

    slots: int
    limit: float
    threshold: float
    rate: float | None = None
    rate_at: float = 0.0
    latest: tuple[bool, ...] = ()
    open_until: float = 0.0
    open_seconds: float = 0.0
    opened_at: float = 0.0
    probing: bool = False
    decreased_at: float = 0.0
    retries_saved: float = RETRIES_SAVED_MAX
    retries_at: float = 0.0
    stopped: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerSettings:
    """``open_seconds`` doubles from the first to the longest while probes fail."""

    open_seconds_first: float = 1.0
    open_seconds_max: float = 60.0


def paced(slots: int, rate: float | None = None) -> Pace:
    """The pace of an account of which nothing is known yet but what is configured."""
    return Pace(slots=slots, limit=float(slots), threshold=float(slots), rate=rate)


def at_once(pace: Pace, now: float) -> int:
    """How many calls may run at once now; 0 while none may begin."""
    if pace.stopped or now < pace.open_until:
        return 0
    return 1 if pace.probing else max(1, int(pace.limit))


def breaker_of(pace: Pace, now: float) -> Breaker:
    """How the circuit breaker stands; a pause that the ERP asked for is none of its own."""
    if not pace.probing:
        return "closed"
    return "open" if now < pace.open_until else "half_open"


def drain_seconds(commands: int, per_second: float | None) -> float | None:
    """How long so many commands take at a rate: 0 where there are none, None where no rate was seen."""
    if commands == 0:
        return 0.0
    return round(commands / per_second, 1) if per_second is not None and per_second >= RATE_MIN else None


def wait_for_rate(pace: Pace, now: float) -> float:
    """Seconds until the stated rate allows the next call."""
    return max(0.0, pace.rate_at - RATE_BURST_SECONDS - now)


def ended(
    pace: Pace, end: CallEnd, began: float, now: float, settings: BreakerSettings, retry_after: float = 0.0
) -> Pace:
    """The pace after a call that began at ``began`` has ended.

    Calls that were under way when the limit was lowered say nothing new about it: it is lowered once for them all.
    """
    if end == "auth":
        return replace(pace, stopped=pace.stopped or NOT_LET_IN)
    if pace.probing and began <= pace.opened_at:
        return pace
    if end == "done":
        return _went_well(pace)
    told = replace(pace, open_until=max(pace.open_until, now + retry_after))
    if end == "throttled" and not pace.probing:
        return _one_too_many(told, began, now)
    return _failed(told, began, now, settings)


def _failed(pace: Pace, began: float, now: float, settings: BreakerSettings) -> Pace:
    """One failure is noted; several lower the limit; when it is most of the calls, or the probe, nothing is sent for a while."""
    latest = (*pace.latest, True)[-LATEST_MAX:]
    failed = sum(latest)
    if failed < FAILED_LOWERS and not pace.probing:
        return replace(pace, latest=latest)
    lowered = replace(_lowered(pace, pace.limit * FAILED_DECREASE, began, now), latest=latest)
    if pace.probing or (failed >= FAILING_MIN and failed >= FAILING_SHARE * len(latest)):
        return _opened(lowered, now, settings)
    return lowered


def _went_well(pace: Pace) -> Pace:
    if pace.probing:
        return replace(pace, probing=False, limit=1.0, latest=(), open_seconds=0.0)
    more = 1.0 if pace.limit < pace.threshold else 1.0 / (INCREASE_CALLS * pace.limit)
    limit = min(float(pace.slots), pace.limit + more)
    return replace(pace, limit=limit, latest=(*pace.latest, False)[-LATEST_MAX:])


def _one_too_many(pace: Pace, began: float, now: float) -> Pace:
    """Where it was tried, above what went well, that one more was too many is all that it says; else the ERP takes less."""
    tried = floor(pace.limit) - 1 if pace.limit > pace.threshold else 0
    return _lowered(pace, max(pace.limit * THROTTLED_DECREASE, tried), began, now)


def _lowered(pace: Pace, limit: float, began: float, now: float) -> Pace:
    if began < pace.decreased_at:
        return pace
    limit = max(1.0, limit)
    return replace(pace, limit=limit, threshold=limit, decreased_at=now)


def _opened(pace: Pace, now: float, settings: BreakerSettings) -> Pace:
    seconds = min(settings.open_seconds_max, max(settings.open_seconds_first, 2 * pace.open_seconds))
    until = max(pace.open_until, now + seconds)
    return replace(
        pace,
        open_until=until,
        open_seconds=seconds,
        opened_at=now,
        probing=True,
        latest=(),
        limit=1.0,
    )


def begun(pace: Pace, *, first: int, again: int, now: float) -> Pace:
    """The pace after a call was begun with so many commands: first attempts save for retries, retries spend what is saved."""
    saved = min(RETRIES_SAVED_MAX, max(0.0, _retries(pace, now) + RETRY_SHARE * first - again))
    rate_at = pace.rate_at if pace.rate is None else max(pace.rate_at, now) + 1 / pace.rate
    return replace(pace, retries_saved=saved, retries_at=now, rate_at=rate_at)


def retries_left(pace: Pace, now: float) -> int:
    """How many retries may be begun: as many as there are while the ERP is well, else what the budget has.

    Where nothing else is sent, one a second. What the ERP refused for its pace is the limit's affair, not the budget's.
    """
    return int(_retries(pace, now)) if sum(pace.latest) >= FAILED_LOWERS else RETRIES_FREE


def _retries(pace: Pace, now: float) -> float:
    waited = max(0.0, now - pace.retries_at) * RETRIES_PER_SECOND
    return min(RETRIES_SAVED_MAX, pace.retries_saved + waited)
