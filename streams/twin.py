"""Refuses a worker id that a living worker uses: two processes with one static id would fence each other for ever.

Invariant: a worker that was killed a moment ago is no twin. Its last heartbeat is fresh, but no newer one follows, and
on the same host its process is gone.
"""

from __future__ import annotations

import asyncio
import os
import socket
import time

from aiokafka import AIOKafkaConsumer, TopicPartition

from tieout.streams.edges.reaching import KafkaRefusedError, reach
from tieout.streams.engine import leaving
from tieout.streams.engine.errors import BrokerUnreachable, StartRefused
from tieout.streams.operate.status import HeartbeatUnreadable, WorkerStatus, decode
from tieout.streams.operate.vitals import HEARTBEAT_SECONDS
from tieout.streams.topics import WORKER_STATUS

FRESH_SECONDS = 4 * HEARTBEAT_SECONDS
_WATCH_SECONDS = 3 * HEARTBEAT_SECONDS


async def refuse_living_twin(bootstrap: str, worker_id: str) -> None:
    """Raise ``StartRefused`` when another process beats under ``worker_id``, or no broker answers.

    Takes a few seconds only in doubt.
    """
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap, enable_auto_commit=False, auto_offset_reset="earliest"
    )
    try:
        await reach(consumer, bootstrap)
    except KafkaRefusedError as error:
        raise BrokerUnreachable(str(error)) from error
    try:
        place = TopicPartition(WORKER_STATUS, 0)
        consumer.assign([place])
        await consumer.seek_to_beginning(place)
        last = await _last(consumer, place, worker_id)
        if last is None or time.time() - last.reported_us / 1e6 > FRESH_SECONDS or _gone(last):
            return
        await asyncio.sleep(_WATCH_SECONDS)
        newer = await _last(consumer, place, worker_id)
    finally:
        await leaving.stop(consumer)
    if newer is not None and newer.reported_us > last.reported_us:
        raise StartRefused(
            f"worker id {worker_id!r} is in use: process {newer.pid} on {newer.host} sent a heartbeat under it just"
            " now. Give this worker an id of its own (TIEOUT_WORKER_ID), or stop the other one first"
        )


def _gone(status: WorkerStatus) -> bool:
    """The process that beat last ran on this host and is not there any more."""
    if status.host != socket.gethostname() or not status.pid:
        return False
    try:
        os.kill(status.pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False


async def _last(consumer: AIOKafkaConsumer, place: TopicPartition, worker_id: str) -> WorkerStatus | None:
    found: WorkerStatus | None = None
    end = (await consumer.end_offsets([place]))[place]
    while await consumer.position(place) < end:
        for record in (await consumer.getmany(place, timeout_ms=200)).get(place, ()):
            if record.key != worker_id.encode():
                continue
            try:
                found = decode(record.value) if record.value is not None else None
            except HeartbeatUnreadable:
                found = None
    return found
