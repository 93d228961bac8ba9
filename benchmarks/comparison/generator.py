"""The comparison job's input: a seeded stream of deliveries, some of them twice, some of them late.

Invariant: the same arguments give the same bytes, on any machine; a longer stream begins as the shorter one does, but
for what the end of the shorter one cuts off.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Iterator

from aiokafka.partitioner import murmur2

from comparison.records import Event, Line
from comparison.wire import encoder

KINDS = ("activated", "amended", "invoice_posted", "credit_memo", "usage", "renewed", "cancelled")
WEIGHTS = (4, 14, 54, 60, 90, 98, 100)
"""Cumulative: 4 % activated again, 10 % amended, 40 % invoices, 6 % credit memos, 30 % usage, 8 % renewed, 2 % cancelled."""

NEGATIVE = frozenset({"credit_memo", "cancelled"})
CURRENCIES = ("USD", "EUR", "GBP")
FIRST_MICROS, FIRST_DAY = 1_760_000_000_000_000, 20_400


def partition_of(key: bytes, partitions: int) -> int:
    """Where Kafka's default partitioner puts a key."""
    return int(murmur2(key) & 0x7FFFFFFF) % partitions


def job_events(
    seed: int,
    contracts: int,
    count: int,
    *,
    duplicate_share: float = 0.02,
    displaced_share: float = 0.05,
    window: int = 2_000,
) -> Iterator[tuple[bytes, bytes]]:
    """Deliveries in order, as (key, value): ``count`` distinct events plus duplicates.

    A displaced event comes 1 to ``window`` positions late, so that its successors overtake it where the contract is
    busy enough; the second copy of a duplicate comes 1 to ``window`` positions after its place.
    """
    chance = random.Random(seed)
    encode = encoder(Event)
    sequences = [0] * contracts
    waiting: list[tuple[int, int, int, bytes, bytes]] = []
    for number in range(count):
        event = _event(chance, sequences, number)
        delivery = (event.contract_id.encode(), encode(event))
        late = chance.randint(1, window) if chance.random() < displaced_share else 0
        heapq.heappush(waiting, (number + late, number, 0, *delivery))
        if chance.random() < duplicate_share:
            heapq.heappush(waiting, (number + chance.randint(1, window), number, 1, *delivery))
        while waiting and waiting[0][0] <= number:
            yield heapq.heappop(waiting)[3:]
    while waiting:
        yield heapq.heappop(waiting)[3:]


def _event(chance: random.Random, sequences: list[int], number: int) -> Event:
    contract = int(chance.random() * len(sequences))
    sequences[contract] += 1
    sequence = sequences[contract]
    kind = "activated" if sequence == 1 else chance.choices(KINDS, cum_weights=WEIGHTS)[0]
    lines = tuple(_line(chance) for _ in range(1 + int(chance.random() * 3)))
    amount = sum(line.quantity * line.unit_price_minor for line in lines)
    return Event(
        event_id=f"{chance.getrandbits(64):016x}-{number:019d}",
        contract_id=f"C-{contract:08d}",
        sequence=sequence,
        event_type=kind,
        occurred_at=FIRST_MICROS + number * 1_000,
        effective_date=FIRST_DAY + number % 365,
        amount_minor=-amount if kind in NEGATIVE else amount,
        currency=CURRENCIES[contract % len(CURRENCIES)],
        lines=lines,
    )


def _line(chance: random.Random) -> Line:
    return Line(
        product=f"PRD-SUBSCRIPTION-{int(chance.random() * 500):04d}",
        quantity=1 + int(chance.random() * 199),
        unit_price_minor=100 + int(chance.random() * 49_900),
    )
