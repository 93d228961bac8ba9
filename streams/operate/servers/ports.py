"""Chooses loopback ports for a broker.

Invariant: never a port of the kernel's ephemeral range. A client that keeps connecting to a dead broker on such a
port can be given the very same port as its own and connect to itself, after which the broker cannot come back.
"""

from __future__ import annotations

import random
import socket

from tieout.streams.operate.servers.errors import PortTakenError

_FIRST, _LAST = 20_000, 32_000
"""Below Linux's ephemeral range (from 32768) and above the ports that services are usually given."""

_TRIES = 200


def is_free(port: int) -> bool:
    """Whether a server could listen on this loopback port now."""
    with socket.socket() as probe:
        probe.setsockopt(
            socket.SOL_SOCKET, socket.SO_REUSEADDR, 1
        )  # as Kafka does: closed connections may linger
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def choose(count: int) -> tuple[int, ...]:
    """Choose ``count`` different free ports. Raises PortTakenError when the range is exhausted."""
    found: set[int] = set()
    for _ in range(_TRIES):
        if len(found) == count:
            break
        port = random.randint(_FIRST, _LAST)  # noqa: S311 - spreads the choice, guards nothing
        if is_free(port):
            found.add(port)
    if len(found) < count:
        raise PortTakenError(
            f"no {count} free ports were found",
            where=f"127.0.0.1, {_FIRST} to {_LAST}",
            next_step="stop what listens there, or name a port with --port",
        )
    return tuple(sorted(found))


def require_free(port: int) -> None:
    """Raise PortTakenError when another process listens on a port that was asked for by number."""
    if not is_free(port):
        raise PortTakenError(
            "another process listens on the port",
            where=f"127.0.0.1:{port}",
            next_step="stop it, name another --port, or leave --port out to have a free one chosen",
        )
