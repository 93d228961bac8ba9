"""The brokers' settings, once: the embedded broker and docker-compose.yml are held to the same table by a test.

Each setting has its reason beside it. ``PLACEMENT`` names what must differ between machines (ports, paths, node ids);
everything else is behaviour, and behaviour that was not tested is not shipped. Pure: data in, data out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

PLACEMENT = frozenset(
    {
        "node.id",
        "controller.quorum.voters",
        "listeners",
        "advertised.listeners",
        "listener.security.protocol.map",
        "inter.broker.listener.name",
        "controller.listener.names",
        "log.dirs",
    }
)
"""Settings that say where a node lives, not how it behaves."""

_BEHAVIOUR: tuple[tuple[str, str, str], ...] = (
    ("process.roles", "broker,controller", "KRaft in combined mode: no second kind of process to run"),
    (
        "auto.create.topics.enable",
        "false",
        "a mistyped topic is an error, not a topic with the wrong partitions",
    ),
    ("num.partitions", "1", "only for what is created without saying; every topic of ours says"),
    ("group.initial.rebalance.delay.ms", "0", "a first worker starts at once instead of after 3 s"),
    ("group.min.session.timeout.ms", "1000", "fail-over tests want sessions below the default floor of 6 s"),
    (
        "broker.session.timeout.ms",
        "3000",
        "a killed broker may register again after this; the default of 9 s is felt",
    ),
    ("broker.heartbeat.interval.ms", "500", "several heartbeats within that session"),
    (
        "transaction.max.timeout.ms",
        "120000",
        "longest stall by a dead transactional writer; our writers ask for 60 s",
    ),
    (
        "transaction.abort.timed.out.transaction.cleanup.interval.ms",
        "1000",
        "a timed-out transaction holds read-committed readers back this much longer; the default is 10 s",
    ),
    (
        "transaction.state.log.num.partitions",
        "4",
        "one coordinator per core is plenty; the default 50 slows the start",
    ),
    ("offsets.topic.num.partitions", "4", "the same"),
    (
        "log.cleaner.dedupe.buffer.size",
        "33554432",
        "32 MiB instead of 128: fits a small heap, 1.2 million keys a pass",
    ),
    ("log.cleaner.backoff.ms", "5000", "looks for changelogs to compact every 5 s; the default is 15 s"),
    ("num.network.threads", "2", "sized for 2 cores"),
    ("num.io.threads", "4", "the same"),
    ("background.threads", "2", "the same"),
)


@dataclass(frozen=True, slots=True)
class NodePlace:
    """Where one node lives: its id (from 1), its two loopback ports, and its log directory."""

    node_id: int
    client_port: int
    controller_port: int
    log_dir: Path


def behaviour(nodes: int) -> dict[str, str]:
    """Return the settings that a cluster of ``nodes`` (1 or 3) shares, whatever it runs on."""
    copies, in_sync = replication(nodes)
    settings = {name: value for name, value, _ in _BEHAVIOUR}
    for topic in ("offsets.topic", "transaction.state.log"):
        settings[f"{topic}.replication.factor"] = str(copies)
    settings["transaction.state.log.min.isr"] = str(in_sync)
    settings["default.replication.factor"] = str(copies)
    settings["min.insync.replicas"] = str(in_sync)
    return settings


def replication(nodes: int) -> tuple[int, int]:
    """(replication factor, min in-sync replicas) that a cluster of this size can keep."""
    return (3, 2) if nodes >= 3 else (1, 1)  # noqa: PLR2004 - three copies, two of them in sync


def server_properties(place: NodePlace, cluster: Sequence[NodePlace]) -> dict[str, str]:
    """``server.properties`` of one node of an embedded cluster on the loopback interface."""
    host = "127.0.0.1"
    return behaviour(len(cluster)) | {
        "node.id": str(place.node_id),
        "controller.quorum.voters": ",".join(
            f"{node.node_id}@{host}:{node.controller_port}" for node in cluster
        ),
        "listeners": f"INTERNAL://{host}:{place.client_port},CONTROLLER://{host}:{place.controller_port}",
        "advertised.listeners": f"INTERNAL://{host}:{place.client_port}",
        "listener.security.protocol.map": "INTERNAL:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "inter.broker.listener.name": "INTERNAL",
        "controller.listener.names": "CONTROLLER",
        "log.dirs": str(place.log_dir),
    }


def render(properties: Mapping[str, str]) -> str:
    """Text of a Java properties file; backslashes in paths are escaped."""
    return "".join(f"{name}={properties[name]}\n".replace("\\", "\\\\") for name in sorted(properties))


def from_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Properties that the apache/kafka image makes of ``KAFKA_*`` variables (one underscore is a dot).

    ``KAFKA_HEAP_OPTS`` and its kin speak to the start script and are left out.
    """
    to_the_script = {
        "KAFKA_HEAP_OPTS",
        "KAFKA_OPTS",
        "KAFKA_JVM_PERFORMANCE_OPTS",
        "KAFKA_LOG4J_ROOT_LOGLEVEL",
    }
    return {
        name.removeprefix("KAFKA_").lower().replace("_", "."): value
        for name, value in environment.items()
        if name.startswith("KAFKA_") and name not in to_the_script
    }
