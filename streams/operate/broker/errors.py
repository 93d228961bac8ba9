"""What can go wrong with the embedded broker, each as its own type.

Invariant: every error says what happened, where, and what to do next, and carries the exit status that the command
line returns for it (docs/operations.md lists them).
"""

from __future__ import annotations

from tieout.streams.operate.cli.exits import Exit
from tieout.streams.operate.servers.errors import ServerError


class FetchError(ServerError):
    """Kafka's jars are not in the cache and could not be downloaded (no network, no downloader)."""


class ChecksumError(ServerError):
    """A jar is not the one that kafka.lock.json pins; it is never run."""


class JavaMissingError(ServerError):
    """No Java runtime of a sufficient version was found."""

    exit_code = Exit.CONFIG


class DiskFullError(ServerError):
    """Too little free space to start, or the broker ran out of it."""


class DataDirMismatchError(ServerError):
    """The data directory belongs to a cluster of another shape."""

    exit_code = Exit.CONFIG


class BrokerNotReadyError(ServerError):
    """The broker runs but did not answer a real request in time."""

    exit_code = Exit.BROKER
