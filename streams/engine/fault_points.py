"""Named places where a test may kill, stop or fail the process.

Off unless ``TIEOUT_FAULT_POINTS`` is set when the process starts, for example
``before_commit=kill@3,between_sends=stop``: the action at the third (first) passage. Actions: ``kill`` (SIGKILL to
oneself), ``stop`` (SIGSTOP), ``raise`` (``FaultInjected``), ``exit`` (status 70), ``sleep:SECONDS`` (blocks). With ``TIEOUT_FAULT_MARK``
set to a file, a fault fires only while that file does not exist, and creates it: a restarted process goes on.
Invariant: with the variable unset, a passage is one comparison, and there is none per record.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass

from tieout.agents.spec import Effects, LogRecord

POINTS = (
    "before_fence",
    "after_fence",
    "during_restore",
    "after_decode",
    "after_decide",
    "after_step",
    "before_begin",
    "after_begin",
    "between_sends",
    "before_ack",
    "before_commit",
    "after_commit",
    "before_store_write",
    "after_store_write",
    "before_tell",
    "during_revoke",
    "during_rebalance",
    "during_work",
)
"""In the order of a partition's life. ``after_decode`` and ``after_decide`` lie around the step of one record,
``after_step`` follows a slice of them; ``between_sends``: the records of one partition are acknowledged, those of the
others are not; ``before_ack``: records are sent and not acknowledged; ``before_tell``: the
position is committed and the group has not been told; ``during_work``: the revenue run and other sweeps."""

Step = Callable[[LogRecord, Effects], None]


class FaultInjected(Exception):  # noqa: N818 - a test asked for it
    """Raised by the action ``raise``."""


@dataclass(slots=True)
class _Armed:
    action: str
    countdown: int


def _parse(text: str) -> dict[str, _Armed]:
    armed: dict[str, _Armed] = {}
    for item in filter(None, text.split(",")):
        name, _, action = item.partition("=")
        action, _, count = action.partition("@")
        if name not in POINTS or not action:
            raise ValueError(
                f"TIEOUT_FAULT_POINTS: no such fault point in {item!r}; known: {', '.join(POINTS)}"
            )
        armed[name] = _Armed(action, int(count or 1))
    return armed


_armed: dict[str, _Armed] | None = _parse(os.environ.get("TIEOUT_FAULT_POINTS", "")) or None


def arm(text: str) -> None:
    """Arm points in this process, for tests that raise; an empty text disarms all."""
    global _armed  # noqa: PLW0603 - one switch per process is the point
    _armed = _parse(text) or None


class _Watched(dict[str, _Armed]):
    """Nothing is armed, and a hook is told of each passage."""

    def __init__(self, hook: Callable[[str], None]) -> None:
        super().__init__()
        self._hook = hook

    def get(self, name: str, _: object = None) -> None:  # type: ignore[override]  # nothing is armed here
        self._hook(name)


def watch(hook: Callable[[str], None] | None) -> None:
    """Tell ``hook`` of each passage, instead of what is armed: a simulation raises in it. None: no longer."""
    global _armed  # noqa: PLW0603
    _armed = None if hook is None else _Watched(hook)


def passing(name: str) -> None:
    """Mark a place; does nothing in production."""
    if _armed is None:
        return
    fault = _armed.get(name)
    if fault is None:
        return
    fault.countdown -= 1
    if fault.countdown == 0 and _first_time():
        _strike(name, fault.action)


def is_armed(name: str) -> bool:
    """Whether a test waits for this place, so that what makes it worth striking may be brought about."""
    return _armed is not None and name in _armed


def around(step: Step) -> Step:
    """An agent's step with the points of one record around it; in production the step itself."""
    if _armed is None:
        return step

    def passed(record: LogRecord, effects: Effects) -> None:
        passing("after_decode")
        step(record, effects)
        passing("after_decide")

    return passed


def _first_time() -> bool:
    mark = os.environ.get("TIEOUT_FAULT_MARK")
    if mark is None:
        return True
    try:
        os.close(os.open(mark, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except FileExistsError:
        return False
    return True


def _strike(name: str, action: str) -> None:
    if action == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    elif action == "stop":
        os.kill(os.getpid(), signal.SIGSTOP)
    elif action == "exit":
        os._exit(70)
    elif action.startswith("sleep:"):
        time.sleep(float(action.removeprefix("sleep:")))
    else:
        raise FaultInjected(f"fault point {name} was told to {action}")
