"""What the commands that own a server in the foreground have in common: signals end it in order, errors are told.

Invariant: a second signal never cuts a clean stop short.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager

import typer

from tieout.streams.operate.cli.exits import Exit, leave


def signals_interrupt() -> None:
    """Make the signals that end a foreground process raise once."""
    numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)

    def interrupt(*_: object) -> None:
        for number in numbers:
            signal.signal(number, lambda *_: None)
        raise KeyboardInterrupt

    for number in numbers:
        signal.signal(number, interrupt)


@contextmanager
def errors_told() -> Iterator[None]:
    """Leave with an error's own exit status, and its words on standard error."""
    from tieout.streams.operate.servers.errors import ServerError

    try:
        yield
    except ServerError as error:
        leave(error, error.exit_code)
    except KeyboardInterrupt:
        raise typer.Exit(Exit.INTERRUPTED) from None
