"""Whether a broker really works, judged by requests that a worker will make, not by an open port.

Invariant: ready means that it is the right cluster, all its nodes are in the metadata, a transactional producer got
its id, and a consumer group has a coordinator. After that the first batch of a worker does not meet a broker that is still waking up.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

_PROBE = "tieout-broker-probe"
_PAUSE_S = 0.05
_ROUND_TRIP_S = 3.0
"""For one attempt: short, because a broker that died is noticed between attempts."""


@dataclass(frozen=True, slots=True)
class Address:
    """Whom to ask. ``cluster_id`` makes sure that it is this broker and not another one on the same port."""

    bootstrap: str
    nodes: int
    cluster_id: str


def wait_for_port(port: int, check_alive: Callable[[], None], deadline: float) -> bool:
    """Wait until something listens; ``check_alive`` raises when waiting is pointless. False at the deadline."""
    while time.monotonic() < deadline:
        check_alive()
        with socket.socket() as probe:
            probe.settimeout(1.0)
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return True
        time.sleep(_PAUSE_S)
    return False


def answers(address: Address, check_alive: Callable[[], None], deadline: float) -> bool:
    """Repeat the probe until it succeeds; False at the deadline. Works inside and outside a running event loop."""
    while time.monotonic() < deadline:
        check_alive()
        if probe(address):
            return True
        time.sleep(_PAUSE_S)
    return False


def probe(address: Address, timeout_s: float = _ROUND_TRIP_S) -> bool:
    """One attempt of the requests named above."""
    outcome: list[bool] = []

    def attempt() -> None:
        outcome.append(asyncio.run(_within(address, timeout_s)))

    # An own thread: the caller may be inside an event loop, and asyncio.run must not be nested.
    worker = threading.Thread(target=attempt, daemon=True)
    with _quiet_client():
        worker.start()
        worker.join()
    return outcome == [True]


async def _within(address: Address, timeout_s: float) -> bool:
    try:
        async with asyncio.timeout(timeout_s):
            return await _round_trip(address)
    except (KafkaError, OSError, TimeoutError):
        return False


async def _round_trip(address: Address) -> bool:
    admin = AIOKafkaAdminClient(bootstrap_servers=address.bootstrap)
    try:
        await admin.start()
        cluster = await admin.describe_cluster()
        if cluster["cluster_id"] != address.cluster_id or len(cluster["brokers"]) < address.nodes:
            return False
        await admin.find_coordinator(_PROBE)
    finally:
        await admin.close()
    producer = AIOKafkaProducer(bootstrap_servers=address.bootstrap, transactional_id=_PROBE)
    try:
        await producer.start()  # asks for the transaction coordinator and for a producer id
    finally:
        await producer.stop()
    return True


class _quiet_client:  # noqa: N801 - used as a function
    """Silences aiokafka while refusals are expected: it logs each of them as an error."""

    def __enter__(self) -> None:
        self._logger = logging.getLogger("aiokafka")
        self._level = self._logger.level
        self._logger.setLevel(logging.CRITICAL)

    def __exit__(self, *_: object) -> None:
        self._logger.setLevel(self._level)
