"""Tells from a broker's last words why it ended. Pure: text in, error out."""

from __future__ import annotations

import re
from pathlib import Path

from tieout.streams.operate.broker.errors import DiskFullError
from tieout.streams.operate.servers.errors import DiedError, DirectoryInUseError, PortTakenError, ServerError

_LAST_LINES = 8


def died(said: str, status: int | None, home: Path) -> ServerError:
    """Name the error for a node that ended with exit ``status``; ``said`` is the end of its logs."""
    if "Address already in use" in said:
        return PortTakenError(
            "the broker could not listen: another process took one of its ports",
            where=home / "server.properties",
            next_step="stop what listens there, or leave --port out to have a free one chosen",
        )
    if "No space left on device" in said or "Disk quota exceeded" in said:
        return DiskFullError(
            "the broker ran out of disk space and stopped",
            where=home / "data",
            next_step="free some space and start it again: it recovers its logs by itself",
        )
    if "Failed to acquire lock on file .lock" in said:
        return DirectoryInUseError(
            "another Kafka process works on the node's logs",
            where=home / "data",
            next_step="stop that process, or use another --data-dir",
        )
    return DiedError(
        f"the broker ended by itself (exit status {status}); it said last:\n{_last_words(said)}",
        where=home / "logs" / "server.log",
        next_step="read the whole log; a data directory that is damaged can be deleted, its records are lost then",
    )


def _last_words(said: str) -> str:
    lines = [line for line in said.splitlines() if line.strip()]
    telling = [line for line in lines if re.search(r"ERROR|FATAL|Exception|Error:|Unrecognized", line)]
    return "\n".join(f"    {line[:200]}" for line in (telling or lines)[-_LAST_LINES:])
