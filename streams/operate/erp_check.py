"""Reads back from an ERP what it accepted lately, slowly and only while it has nothing to post, and tells what was changed there.

Invariants: it changes nothing in the ERP; at any time it has one call at the account; what it finds goes into the contracts' inbox, where a
person decides. It keeps nothing: what was told before is read from the inbox.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from tieout.agents.decode import inbox_key
from tieout.agents.posting.answers import Found, Refused
from tieout.agents.posting.drift import Asked, Lately
from tieout.avro.codec import Codec
from tieout.avro.events import ErpAccepted, ErpStatusChanged, Micros
from tieout.streams.edges.erp.port import Erp
from tieout.streams.edges.producing import Outgoing, produce_events
from tieout.streams.edges.reaching import partitions_of, reach
from tieout.streams.engine import leaving
from tieout.streams.operate.demo.readback import Places, read_raw
from tieout.streams.operate.status import AccountStatus
from tieout.streams.topics import CONTRACT_EVENTS, ERP_COMMANDS

THROTTLED_SECONDS = 30.0
"""How long to keep away from an ERP that has had enough, where it does not say so itself."""
_HEARD = frozenset(f"tieout.{each.EVENT_TYPE}".encode() for each in (ErpAccepted, ErpStatusChanged))


class CheckStopped(RuntimeError):  # noqa: N818 - read aloud: the check was stopped
    """The ERP cannot be asked. Says why, and what to do."""


@dataclass(slots=True)
class Checked:
    """What a pass over one account came to. ``not_read``: documents whose commands lie before the days that were read."""

    account: str
    asked: int = 0
    calls: int = 0
    not_read: int = 0
    changed: list[ErpStatusChanged] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Slowly:
    """The pace of a pass: calls a second, commands in a call, and the wait until the account has nothing to post."""

    per_second: float
    batch_items: int
    spare_room: Callable[[], Awaitable[None]]


def has_to_post(account: AccountStatus) -> bool:
    """Whether anything waits that no person has to act for; what stands behind a parked command waits for that. Raises CheckStopped."""
    if account.stopped:
        raise CheckStopped(
            f"ERP account {account.account} is stopped: {account.stopped}; nothing was asked. Mend that, then: tieout posting"
            f" resume {account.account}"
        )
    return account.movable_oldest_seconds is not None


async def lately(
    bootstrap: str, account: str, partition: int, codec: Codec, since_ms: int, most: int
) -> Lately:
    """What the account accepted since then. Of the inbox only acknowledgements are decoded. Raises KafkaRefusedError."""
    known = Lately(account, most)
    counts, places = await _places(bootstrap, since_ms, partition)

    def hear(record: ConsumerRecord) -> None:
        kind = next((value for name, value in record.headers if name == "ce_type"), b"")
        if kind in _HEARD:
            event = codec.decode(record.value)
            assert isinstance(event, ErpAccepted | ErpStatusChanged), kind
            known.take(event)

    await read_raw(bootstrap, {CONTRACT_EVENTS: counts[CONTRACT_EVENTS]}, hear, places)
    await read_raw(
        bootstrap,
        {ERP_COMMANDS: counts[ERP_COMMANDS]},
        lambda record: known.say(codec.decode(record.value)),
        places,
    )
    return known


Tell = Callable[[Sequence[ErpStatusChanged]], Awaitable[None]]


async def compared(
    erp: Erp, account: str, known: Lately, pace: Slowly, now: Callable[[], Micros], told: Tell
) -> Checked:
    """One pass: every document is asked about once; what a call shows is ``told`` before the next. Raises CheckStopped."""
    report = Checked(account, not_read=known.not_read)
    to_ask = known.to_ask()
    for start in range(0, len(to_ask), pace.batch_items):
        batch = to_ask[start : start + pace.batch_items]
        await pace.spare_room()
        found = await _asked(erp, account, batch, report)
        looked_at = [known.changed(asked, each, now()) for asked, each in zip(batch, found, strict=True)]
        changed = [each for each in looked_at if each is not None]
        if changed:
            await told(changed)
        report.changed += changed
        report.asked += len(batch)
        await asyncio.sleep(1 / pace.per_second)
    return report


async def tell(bootstrap: str, codec: Codec, changed: Sequence[ErpStatusChanged]) -> None:
    """Into the contracts' inbox. Raises KafkaRefusedError."""
    await produce_events(bootstrap, [_outgoing(codec, each) for each in changed], CONTRACT_EVENTS)


def _outgoing(codec: Codec, event: ErpStatusChanged) -> Outgoing:
    key = inbox_key(event.envelope.tenant, event.envelope.group_id)
    return key, codec.encode(event), (("ce_type", f"tieout.{event.EVENT_TYPE}".encode()),)


async def _asked(erp: Erp, account: str, batch: Sequence[Asked], report: Checked) -> list[Found | None]:
    """What the ERP shows of them, asked again after a pause for as long as it has had enough of questions."""
    commands = [asked.command for asked in batch]
    while True:
        found = await erp.find(commands)
        report.calls += 1
        refused = [each for each in found if isinstance(each, Refused)]
        if not refused:
            return [each for each in found if not isinstance(each, Refused)]
        said = refused[0]
        if said.kind != "throttled":
            raise CheckStopped(
                f"ERP account {account} cannot be asked ({said.kind}, {said.code}: {said.text}); nothing was changed, what was"
                " found before is told: look at tieout posting status, and check again when it posts"
            )
        await asyncio.sleep((said.retry_after_ms or 0) / 1000 or THROTTLED_SECONDS)


async def _places(bootstrap: str, since_ms: int, partition: int) -> tuple[dict[str, int], Places]:
    """(topic -> partitions, where to begin): records since then, of the commands those of one partition."""
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False)
    await reach(consumer, bootstrap)
    try:
        counts = {
            topic: await partitions_of(consumer._client, bootstrap, topic)  # noqa: SLF001 - as all who ask for partitions
            for topic in (CONTRACT_EVENTS, ERP_COMMANDS)
        }
        every = [TopicPartition(topic, each) for topic, count in counts.items() for each in range(count)]
        ends = await consumer.end_offsets(every)
        wanted = [each for each in every if each.topic == CONTRACT_EVENTS or each.partition == partition]
        begins = await consumer.offsets_for_times(dict.fromkeys(wanted, since_ms))
        places = dict(ends)
        places.update({each: begin.offset for each, begin in begins.items() if begin is not None})
        return counts, places
    finally:
        await leaving.stop(consumer)
