"""What can go wrong with a server that we own, and the form of all such errors.

Invariant: every error says what happened, where, and what to do next, and carries the exit status that the command
line returns for it (docs/operations.md lists them).
"""

from __future__ import annotations

from pathlib import Path

from tieout.streams.operate.cli.exits import Exit


class ServerError(Exception):
    """Base of all. ``what`` happened, ``where`` (path, port or address), and the ``next_step`` for the reader."""

    exit_code: int = Exit.FAILURE

    def __init__(self, what: str, *, where: object, next_step: str) -> None:
        super().__init__(f"{what}\n  where: {where}\n  next:  {next_step}")
        self.what = what
        self.where = str(where)
        self.next_step = next_step


class PortTakenError(ServerError):
    """Another process listens on a port that was asked for by number."""

    exit_code = Exit.CONFIG


class DirectoryInUseError(ServerError):
    """Another owner holds the data directory."""

    exit_code = Exit.CONFIG


class DiedError(ServerError):
    """A server ended by itself, or does not end."""


class LaunchError(ServerError):
    """The background process ended before its server worked; ``exit_code`` is what it ended with."""

    def __init__(self, said: str, exit_code: int, log: Path) -> None:
        super().__init__(
            said.strip() or "the background process ended", where=log, next_step="see above and the log"
        )
        self.exit_code = exit_code

    def __str__(self) -> str:
        """The background process's own message: it already says where and what next."""
        return self.what
