"""How fast an ERP account may be called: what its answers say about it, as pure arithmetic.

Three limits, each after a known rule: calls at once by additive increase and multiplicative decrease (RFC 5681's AIMD), a
stop while most calls fail with one probe after it (circuit breaker, Nygard, Release It!), and retries as a share of all
calls (retry budget, Google SRE book, chapter 21). Invariant: the limit is between 1 and the configured slots.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

CallEnd = Literal["done", "throttled", "failed", "auth"]
"""How a call ended, for the pace: done (an answer about the business, refusals included), throttled (too fast), failed (no
answer, or none that helps), auth (nobody is let in)."""

DECREASE = 0.5
LATEST_MAX = 20
"""Calls that the breaker looks back on."""

FAILING_SHARE = 0.5
FAILING_MIN = 5
"""The breaker opens when so many calls failed and they are such a share of the latest ones."""

RETRY_SHARE = 0.1
RETRIES_SAVED_MAX = 20.0
RETRIES_PER_SECOND = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """State of one account's pace. Times are monotonic seconds.

    ``limit``: calls at once, with the fraction that additive increase has gathered. ``latest``: of the last calls, which
    failed. ``open_until``: no call before (breaker, or ``Retry-After``). ``probing``: the next call alone decides.
    ``stopped``: why nothing is sent until a person acts.
    """

    slots: int
    limit: float
    latest: tuple[bool, ...] = ()
    open_until: float = 0.0
    open_seconds: float = 0.0
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


def at_once(pace: Pace, now: float) -> int:
    """How many calls may run at once now; 0 while none may begin."""
    if pace.stopped or now < pace.open_until:
        return 0
    return 1 if pace.probing else max(1, int(pace.limit))


def ended(
    pace: Pace, end: CallEnd, began: float, now: float, settings: BreakerSettings, retry_after: float = 0.0
) -> Pace:
    """The pace after a call that began at ``began`` has ended.

    Calls that were under way when the limit was lowered say nothing new about it: it is halved once for them all.
    """
    if end == "done":
        return _went_well(pace)
    if end == "auth":
        return replace(pace, stopped="the ERP does not let us in")
    lowered = _lowered(pace, began, now)
    lowered = replace(lowered, open_until=max(lowered.open_until, now + retry_after))
    if end == "throttled" and not pace.probing:
        return lowered
    latest = (*pace.latest, True)[-LATEST_MAX:]
    failed = sum(latest)
    if pace.probing or (failed >= FAILING_MIN and failed >= FAILING_SHARE * len(latest)):
        return _opened(lowered, now, settings)
    return replace(lowered, latest=latest)


def _went_well(pace: Pace) -> Pace:
    limit = min(float(pace.slots), pace.limit + 1.0 / max(1.0, pace.limit))
    if pace.probing:
        return replace(pace, probing=False, limit=1.0, latest=(), open_seconds=0.0)
    return replace(pace, limit=limit, latest=(*pace.latest, False)[-LATEST_MAX:])


def _lowered(pace: Pace, began: float, now: float) -> Pace:
    if began < pace.decreased_at:
        return pace
    return replace(pace, limit=max(1.0, pace.limit * DECREASE), decreased_at=now)


def _opened(pace: Pace, now: float, settings: BreakerSettings) -> Pace:
    seconds = min(settings.open_seconds_max, max(settings.open_seconds_first, 2 * pace.open_seconds))
    until = max(pace.open_until, now + seconds)
    return replace(pace, open_until=until, open_seconds=seconds, probing=True, latest=(), limit=1.0)


def begun(pace: Pace, *, first: int, again: int, now: float) -> Pace:
    """The pace after a call with so many commands: first attempts save for retries, retries spend what is saved."""
    saved = _retries(pace, now) + RETRY_SHARE * first - again
    return replace(pace, retries_saved=min(RETRIES_SAVED_MAX, max(0.0, saved)), retries_at=now)


def retries_left(pace: Pace, now: float) -> int:
    """How many retries the budget has; where nothing else is sent, one a second."""
    return int(_retries(pace, now))


def _retries(pace: Pace, now: float) -> float:
    waited = max(0.0, now - pace.retries_at) * RETRIES_PER_SECOND
    return min(RETRIES_SAVED_MAX, pace.retries_saved + waited)
