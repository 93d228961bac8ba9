"""Exit statuses: how every command says to a script what came of it.

Invariant: one cause has one number in all commands; a command's help and docs/operations.md take the numbers and
their meanings from here.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from types import MappingProxyType
from typing import NoReturn

import typer


class Exit(IntEnum):
    """What a process ends with."""

    OK = 0
    FAILURE = 1
    USAGE = 2
    CONFIG = 3
    BROKER = 4
    AUTH = 5
    SCHEMA = 6
    STATE = 7
    MISMATCH = 8
    ATTENTION = 9
    STUCK = 71
    INTERRUPTED = 130


MEANINGS: Mapping[Exit, str] = MappingProxyType(
    {
        Exit.OK: "done as asked",
        Exit.FAILURE: "failed, or the answer is no",
        Exit.USAGE: "used wrongly, or a file cannot be read or written",
        Exit.CONFIG: "the settings or this machine are not fit",
        Exit.BROKER: "no broker answers",
        Exit.AUTH: "the broker refuses this user",
        Exit.SCHEMA: "the event language breaks a rule",
        Exit.STATE: "stored state is corrupt",
        Exit.MISMATCH: "it does not tie out",
        Exit.ATTENTION: "it works, and something wants attention",
        Exit.STUCK: "ended itself because its event loop was stuck",
        Exit.INTERRUPTED: "interrupted",
    }
)

ASKS_BROKER = (Exit.CONFIG, Exit.BROKER, Exit.AUTH)
"""What any command that needs settings and a broker may end with."""


def epilog(*also: Exit) -> str:
    """The exit statuses at the end of a command's help: those that any command has, and ``also``."""
    codes = sorted({Exit.OK, Exit.USAGE, Exit.INTERRUPTED, *also})
    return "\n".join(("\b", "Exit status:", *(f"{code.value:>5}  {MEANINGS[code]}" for code in codes)))


def leave(error: Exception | str, status: int | None = None) -> NoReturn:
    """Say it on standard error and end the command; without a status the one of what is behind the error."""
    if status is None:
        status = status_of(error) if isinstance(error, Exception) else Exit.FAILURE
    typer.echo(str(error), err=True)
    raise typer.Exit(status)


def status_of(error: BaseException) -> Exit:
    """The status of a request to Kafka that failed, by the first cause that tells."""
    from aiokafka import errors

    unreachable = (
        OSError,
        errors.BrokerNotAvailableError,
        errors.KafkaConnectionError,
        errors.KafkaTimeoutError,
        errors.KafkaUnavailableError,
        errors.NoBrokersAvailable,
        errors.NodeNotReadyError,
        errors.RequestTimedOutError,
    )
    refused = (
        errors.AuthenticationFailedError,
        errors.AuthenticationMethodNotSupported,
        errors.ClusterAuthorizationFailedError,
        errors.GroupAuthorizationFailedError,
        errors.IllegalSaslStateError,
        errors.SaslAuthenticationFailed,
        errors.TopicAuthorizationFailedError,
        errors.TransactionalIdAuthorizationFailed,
        errors.UnsupportedSaslMechanismError,
    )
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, refused):
            return Exit.AUTH
        if isinstance(cause, unreachable):
            return Exit.BROKER
        cause = cause.__cause__
    return Exit.FAILURE
