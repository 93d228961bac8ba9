"""F3 and F4: the broker restarts, is killed, and leaders of a cluster of three are killed."""

from __future__ import annotations

import time

from aiokafka.admin import AIOKafkaAdminClient
from chaos.anomalies import FaultResult
from chaos.arena import Arena
from chaos.deliveries import deliveries
from chaos.reading import run
from chaos.stage import Stage

from tieout.streams.operate.broker import EmbeddedBroker

RESTARTS, LEADERS = 10, 15
INTERNAL_PARTITIONS = 4
"""Of the topics of the coordinators, as the embedded broker sets them."""


def restart_broker(stage: Stage) -> FaultResult:
    """One node: five clean restarts, five kills, the same directory."""
    restarts = stage.count(RESTARTS, least=2)
    events = deliveries(stage, "F3", stage.count(30_000, least=2_000))
    chance = stage.chance("F3")
    broker = stage.own_broker("F3")
    rate = len(events) / (restarts * 8)
    with Arena(
        stage, "F3", "broker restarted and killed", events, bootstrap=broker.bootstrap, rate=rate, burst=100
    ) as arena:
        arena.start_workers("a", "b")
        arena.feed()
        for number in range(restarts):
            time.sleep(chance.uniform(0.5, 2.0))
            (broker.stop, broker.kill)[number % 2]()
            time.sleep(chance.uniform(0.0, 3.0))
            broker.start()
            arena.caught_up(time.monotonic(), f"restart {number + 1}")
            stage.say(f"F3 restart {number + 1}/{restarts}: {arena.result.recoveries[-1]:.1f} s")
        result = arena.conclude(**{"clean restarts": (restarts + 1) // 2, "kills": restarts // 2})
    stage.let_go(broker)
    return result


def kill_leaders(stage: Stage) -> FaultResult:
    """Three nodes, three copies: the leaders of offsets, transactions and the inbox die, five times each."""
    kills = stage.count(LEADERS, least=3)
    events = deliveries(stage, "F4", stage.count(30_000, least=2_000))
    chance = stage.chance("F4")
    cluster = stage.own_broker("F4", nodes=3)
    with Arena(
        stage,
        "F4",
        "leaders killed in a cluster of three",
        events,
        bootstrap=cluster.bootstrap,
        copies=3,
        rate=len(events) / (kills * 10),
        burst=100,
    ) as arena:
        arena.start_workers("a", "b")
        arena.feed()
        counts: dict[str, int] = {}
        for number in range(kills):
            what, topic, partition = leader_of(arena, number, chance.randrange(arena.partitions))
            node = cluster.nodes[leader(cluster, topic, partition) - 1]
            time.sleep(chance.uniform(0.2, 1.0))
            node.kill()
            began = time.monotonic()
            arena.caught_up(began, f"the kill of the leader of {what}")
            cluster.restart_node(node)
            counts[f"leaders of {what} killed"] = counts.get(f"leaders of {what} killed", 0) + 1
            stage.say(f"F4 kill {number + 1}/{kills} {what}: {arena.result.recoveries[-1]:.1f} s")
        result = arena.conclude(**counts)
    stage.let_go(cluster)
    return result


def leader_of(arena: Arena, number: int, partition: int) -> tuple[str, str, int]:
    """(in words, topic, partition) of what loses its leader in this round."""
    group = f"{arena.app_id}-job"
    return (
        ("the group", "__consumer_offsets", java_hash(group) % INTERNAL_PARTITIONS),
        ("a transaction", "__transaction_state", java_hash(f"{group}-{partition}") % INTERNAL_PARTITIONS),
        ("an inbox partition", arena.topics.inbox, partition),
    )[number % 3]


def java_hash(text: str) -> int:
    """Kafka's place of a name among the coordinators' partitions."""
    value = 0
    for character in text:
        value = (value * 31 + ord(character)) & 0xFFFFFFFF
    return value & 0x7FFFFFFF


def leader(cluster: EmbeddedBroker, topic: str, partition: int) -> int:
    """Id of the node that leads a partition now."""

    async def ask() -> int:
        admin = AIOKafkaAdminClient(bootstrap_servers=cluster.bootstrap)
        try:
            await admin.start()
            described = await admin.describe_topics([topic])
        finally:
            await admin.close()
        return next(int(p["leader"]) for p in described[0]["partitions"] if p["partition"] == partition)

    return run(ask())
