"""What can go wrong with the embedded ERP, each as its own type.

Invariant: every error says what happened, where, and what to do next, and carries the exit status of the command line.
"""

from __future__ import annotations

from tieout.streams.operate.cli.exits import Exit


class TrytonError(Exception):
    """Base of all. ``what`` happened, ``where`` (path or address), and the ``next_step`` for the reader."""

    exit_code: int = Exit.FAILURE

    def __init__(self, what: str, *, where: object, next_step: str) -> None:
        super().__init__(f"{what}\n  where: {where}\n  next:  {next_step}")
        self.what = what


class PostgresqlMissingError(TrytonError):
    """There is no PostgreSQL, and it could not be installed."""

    exit_code = Exit.CONFIG


class InstallError(TrytonError):
    """Tryton's packages could not be installed, or its module is not there."""

    exit_code = Exit.CONFIG


class FillError(TrytonError):
    """A new database could not be filled."""


class DirectoryInUseError(TrytonError):
    """Another ERP runs in the data directory."""

    exit_code = Exit.CONFIG


class ServerDiedError(TrytonError):
    """PostgreSQL or Tryton ended by itself, or does not answer."""
