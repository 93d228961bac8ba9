"""Work that may outlive its caller: the closing of a connection whose broker does not answer.

Invariant: what is begun here is neither collected before it ends nor reported by asyncio as an error nobody looked at.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

log = logging.getLogger("tieout.engine.kafka")

_lingering: set[asyncio.Task[Any]] = set()


def lingers(work: Coroutine[Any, Any, Any], what: str) -> asyncio.Task[Any]:
    """Run ``work``, named ``what`` in the log where it fails; the caller waits for it as long as it likes."""
    task = asyncio.ensure_future(work)
    task.set_name(what)
    _lingering.add(task)
    task.add_done_callback(_ended)
    return task


def _ended(task: asyncio.Task[Any]) -> None:
    _lingering.discard(task)
    if not task.cancelled() and task.exception() is not None:
        log.debug("%s: %r", task.get_name(), task.exception())
