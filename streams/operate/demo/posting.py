"""Whether everything that was commanded is in the ERP, by what is committed: the commands of the log, and the contracts' acks.

Invariant: each command of the log is read and counted once, however often the log is read on; a contract that was told of its
document counts as told, nothing else does.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import get_args

import msgspec
from aiokafka import TopicPartition

from tieout.avro.codec import Codec
from tieout.avro.commands import Command
from tieout.streams.operate.demo.progress import PartitionProgress
from tieout.streams.operate.demo.readback import read_topics
from tieout.streams.topics import ERP_COMMANDS

STALL_SECONDS = 120.0
"""So long without one more acknowledged command, and the rest stands for a person to look at."""

_COMMANDS = get_args(Command)
_LOOK_SECONDS = 0.2


class CommandLog:
    """The commands of all ERP accounts; ``take`` is given each of them, in order per account."""

    def __init__(
        self, bootstrap: str, accounts: int, codec: Codec, take: Callable[[msgspec.Struct], None]
    ) -> None:
        self._bootstrap = bootstrap
        self._accounts = accounts
        self._codec = codec
        self._take = take
        self._places: dict[TopicPartition, int] = {}
        self.commands = 0

    async def read_on(self) -> None:
        """Read what has been committed since the last call."""
        await read_topics(
            self._bootstrap, {ERP_COMMANDS: self._accounts}, self._codec, self._sink, self._places
        )

    def _sink(self, message: msgspec.Struct, *_: object) -> None:
        """Ticks and resolutions of people stand there, too."""
        if isinstance(message, _COMMANDS):
            self.commands += 1
            self._take(message)


async def until_posted(
    progress: PartitionProgress,
    commands: int,
    say: Callable[[int, int], None],
    check: Callable[[], None],
) -> bool:
    """Wait until every contract was told of its documents; False where that stands still.

    ``say`` hears how many were told of how many; ``check`` raises where nothing can come any more.
    """
    told, moved_at = -1, time.monotonic()
    while progress.accepted < commands:
        if progress.accepted != told:
            told, moved_at = progress.accepted, time.monotonic()
        if time.monotonic() - moved_at > STALL_SECONDS:
            return False
        check()
        say(told, commands)
        await asyncio.sleep(_LOOK_SECONDS)
    return True
