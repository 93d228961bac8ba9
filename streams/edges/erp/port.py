"""The port to an ERP: everything the posting agent asks of one, and nothing else.

Invariant: an adapter makes one attempt. It never retries, never waits for room, and never decides: pace, retries and
read-back are the posting agent's. It ends within ``call_seconds_max``, and what a call did is told item by item.
``tests/erp/port_contract.py`` holds every adapter to this, the real ERP included.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from tieout.agents.posting.answers import Answer, Found, Refused
from tieout.avro.commands import Command


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What is known of an ERP before it is asked.

    ``kinds``: the command kinds that it can take. ``enforces_unique_id``: the server itself refuses or recognises a second
    document of one command id, so that sending again after an unanswered question is safe. ``batch_items_max``: commands in
    one call, 1 where batching gains nothing. ``call_seconds_max``: our own deadline for a call. ``server_seconds_max``: how
    long the server may go on with a call that we gave up; only after both is a read-back conclusive. ``serial_batches``: of
    one batch key it takes one call at a time, and refuses a second.
    """

    name: str
    kinds: frozenset[str]
    enforces_unique_id: bool
    batch_items_max: int
    call_seconds_max: float
    server_seconds_max: float
    serial_batches: bool = False


class Erp(Protocol):
    """One company in one ERP."""

    @property
    def capabilities(self) -> Capabilities: ...

    def batch_key(self, command: Command) -> str | None:
        """Commands of one key may share a posting; None: this one goes alone."""
        ...

    async def post(self, commands: Sequence[Command]) -> Sequence[Answer]:
        """Post them in this order, in one call; one answer each, in the same order.

        The command id is the external id, and its content hash is kept beside it. Whatever happens is an answer: refused
        connection (``transient``: nothing was sent), time-out or broken connection (``ambiguous``, for each of them),
        an unreadable or unknown answer (``ambiguous`` where it may have been executed). Never raises but ``CancelledError``.
        """
        ...

    async def find(self, commands: Sequence[Command]) -> Sequence[Found | Refused | None]:
        """What the ERP holds under these commands' ids, in the same order; None: nothing, definitely.

        Commands of any keys: who was in doubt about several asks about all of them.
        ``Refused``: it could not be asked (transient, throttled, auth).
        """
        ...

    async def close(self) -> None:
        """Give connections back."""
        ...
