"""What can go wrong with the embedded broker, each as its own type.

Invariant: every error says what happened, where, and what to do next, and carries the exit status that the command
line returns for it (docs/operations.md lists them).
"""

from __future__ import annotations

from tieout.streams.operate.cli.exits import Exit


class BrokerError(Exception):
    """Base of all. ``what`` happened, ``where`` (path, port or address), and the ``next_step`` for the reader."""

    exit_code: int = Exit.FAILURE

    def __init__(self, what: str, *, where: object, next_step: str) -> None:
        super().__init__(f"{what}\n  where: {where}\n  next:  {next_step}")
        self.what = what
        self.where = str(where)
        self.next_step = next_step


class FetchError(BrokerError):
    """Kafka's jars are not in the cache and could not be downloaded (no network, no downloader)."""


class ChecksumError(BrokerError):
    """A jar is not the one that kafka.lock.json pins; it is never run."""


class JavaMissingError(BrokerError):
    """No Java runtime of a sufficient version was found."""

    exit_code = Exit.CONFIG


class PortTakenError(BrokerError):
    """Another process listens on a port that was asked for by number."""

    exit_code = Exit.CONFIG


class DiskFullError(BrokerError):
    """Too little free space to start, or the broker ran out of it."""


class DataDirInUseError(BrokerError):
    """Another broker holds the data directory."""

    exit_code = Exit.CONFIG


class DataDirMismatchError(BrokerError):
    """The data directory belongs to a cluster of another shape."""

    exit_code = Exit.CONFIG


class BrokerDiedError(BrokerError):
    """The Java process ended by itself."""


class BrokerNotReadyError(BrokerError):
    """The broker runs but did not answer a real request in time."""

    exit_code = Exit.BROKER
