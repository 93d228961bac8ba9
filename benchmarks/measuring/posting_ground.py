"""The posting agent and an ERP as a benchmark meets them: the tests' own ground, beside the ERP by itself.

Invariant: both ways post the same kind of commands through the same adapter, and both are judged by the ERP's journal.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from aiokafka import AIOKafkaConsumer, TopicPartition

from measuring.broker import HEAP_MB
from tieout.agents.posting.answers import Accepted
from tieout.avro.commands import Command
from tieout.streams.edges.erp.port import Erp
from tieout.streams.operate.broker.embedded import EmbeddedBroker
from tieout.streams.topics import CONTRACT_EVENTS

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests"))

from erp.killed_erps import KilledErp, KilledStandin, KilledTryton
from erp.many_contracts import journals
from erp.posting_ground import INBOXES, PostingGround
from oracle.batches import CLASSES
from posting.judging import anomalies

__all__ = [
    "CLASSES",
    "KilledErp",
    "KilledStandin",
    "KilledTryton",
    "PostingGround",
    "alone",
    "journals",
    "post",
    "posting",
]


class WrongPostingError(Exception):
    """What the ERP holds is not what was to be posted: the run does not count."""


@contextmanager
def posting(folder: Path, erp: KilledErp) -> Iterator[PostingGround]:
    """A broker as in production, and a worker that has begun."""
    broker = EmbeddedBroker(folder / "kafka", heap_mb=HEAP_MB, short_lived=False)
    with PostingGround(folder, erp.account, erp.secrets, broker=broker) as ground:
        warm = journals(erp.names, 50, 4, "warm-")
        ground.write(warm)
        ground.until("the first commands are posted", lambda: len(ground.accepted()) == len(warm))
        yield ground


def post(ground: PostingGround, erp: KilledErp, commands: Sequence[Command]) -> tuple[float, float]:
    """The moments of the commands' release and of the last word about them. Raises WrongPostingError."""
    began, ended = asyncio.run(_post(ground, commands))
    ours = {each.header.command_id for each in commands}
    if problems := list(anomalies(commands, [name for name in erp.journal() if name in ours])):
        raise WrongPostingError("; ".join(problems))
    return began, ended


async def alone(erp: Erp, commands: Sequence[Command], *, slots: int, batch: int) -> float:
    """Commands a second of the adapter by itself: so many calls at once, of so many commands."""
    calls = deque([commands[start : start + batch] for start in range(0, len(commands), batch)])

    async def slot() -> None:
        while calls:
            call = calls.popleft()
            answers = await erp.post(call)
            if not all(isinstance(each, Accepted) for each in answers):
                calls.append(call)

    began = time.monotonic()
    await asyncio.gather(*(slot() for _ in range(slots)))
    ended = time.monotonic()
    await erp.close()
    return len(commands) / (ended - began)


async def _post(ground: PostingGround, commands: Sequence[Command]) -> tuple[float, float]:
    reader = AIOKafkaConsumer(
        bootstrap_servers=ground.bootstrap,
        isolation_level="read_committed",
        enable_auto_commit=False,
        fetch_max_wait_ms=20,
    )
    await reader.start()
    try:
        inboxes = [TopicPartition(CONTRACT_EVENTS, number) for number in range(INBOXES)]
        reader.assign(inboxes)
        await reader.seek_to_end(*inboxes)
        began = await ground.put(commands)
        told, ended = 0, began
        while told < len(commands):
            found = await reader.getmany(timeout_ms=1_000)
            told += sum(map(len, found.values()))
            ended = time.monotonic()
        return began, ended
    finally:
        await reader.stop()
