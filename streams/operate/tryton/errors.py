"""What can go wrong with the embedded ERP, each as its own type.

Invariant: every error says what happened, where, and what to do next, and carries the exit status of the command line.
"""

from __future__ import annotations

from tieout.streams.operate.cli.exits import Exit
from tieout.streams.operate.servers.errors import ServerError


class PostgresqlMissingError(ServerError):
    """There is no PostgreSQL, and it could not be installed."""

    exit_code = Exit.CONFIG


class InstallError(ServerError):
    """Tryton's packages could not be installed, or its module is not there."""

    exit_code = Exit.CONFIG


class FillError(ServerError):
    """A new database could not be filled."""
