"""The embedded broker: a real Apache Kafka of one or three nodes in a directory of its own, started from Python.

Invariant: after ``start`` returns, clients can produce in transactions and join groups; after ``stop`` returns, or
when the owner is gone for whatever reason, no process of it is left.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from tieout.streams.operate.broker import fetch, ready
from tieout.streams.operate.broker.checkpoint import feature_checkpoint
from tieout.streams.operate.broker.errors import BrokerNotReadyError
from tieout.streams.operate.broker.jars import Fetch, ensure_jars, read_lock
from tieout.streams.operate.broker.java import find_java
from tieout.streams.operate.broker.node import JavaCommand, Node, class_path
from tieout.streams.operate.broker.properties import NodePlace
from tieout.streams.operate.broker.storage import Cluster, DataDirectory, Running, new_id
from tieout.streams.operate.servers import ports
from tieout.streams.operate.servers.errors import PortTakenError

SIZES = (1, 3)
"""A cluster has one node, or three: two copies in sync then survive the loss of any node."""

_PORT_TRIES = 3


class EmbeddedBroker:
    """One cluster in ``data_dir``. It can be stopped and started again; its records, ids and ports stay.

    ``port`` names the first node's client port; without it free ports are chosen. ``heap_mb`` and ``free_mb`` (disk
    space wanted at the start) are mebibytes, ``heap_mb`` per node. ``short_lived`` suits tests and demos: see JavaCommand.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        nodes: int = 1,
        heap_mb: int = 256,
        port: int | None = None,
        short_lived: bool = True,
        stops_on_signal: bool = False,
        free_mb: int = 512,
        ready_timeout_s: float = 60.0,
        cache_root: Path | None = None,
        fetch_jars: Fetch = fetch.download,
    ) -> None:
        assert nodes in SIZES, f"a cluster has {SIZES} nodes, not {nodes}"
        self.nodes: tuple[Node, ...] = ()
        self._data_dir = data_dir
        self._size = nodes
        self._heap_mb = heap_mb
        self._port = port
        self._short_lived = short_lived
        self._stops_on_signal = stops_on_signal
        self._free_mb = free_mb
        self._ready_timeout_s = ready_timeout_s
        self._cache_root = cache_root
        self._fetch_jars = fetch_jars
        self._directory: DataDirectory | None = None
        self._cluster: Cluster | None = None
        self._lock: int | None = None

    @property
    def bootstrap(self) -> str:
        """Address for clients, ``127.0.0.1:port`` (three, comma-separated, for three nodes)."""
        assert self._cluster is not None, "start the broker first"
        return self._cluster.bootstrap

    def start(self) -> Self:
        """Start all nodes and wait until they work.

        Raises:
            ServerError: see ``errors``; whatever had been started is stopped again.

        """
        assert self._lock is None, "the broker runs already"
        lock = read_lock()
        jars = ensure_jars(self._fetch_jars, self._cache_root, lock)
        java = find_java()
        path = class_path([jars / jar.filename for jar in lock.jars])
        command = JavaCommand(java, path, self._heap_mb, self._short_lived)
        checkpoint = feature_checkpoint(java, path, jars)
        directory = self._directory = DataDirectory.at(self._data_dir)
        self._lock = directory.acquire()
        try:
            directory.require_nodes(self._size)
            directory.require_room(self._free_mb)
            self._start_nodes(directory, command, checkpoint)
            self._announce(directory, lock.kafka_version)
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """Stop all nodes cleanly; harmless when nothing runs."""
        for node in self.nodes:
            node.ask_to_stop()
        for node in self.nodes:
            node.wait()
        self._release()

    def kill(self) -> None:
        """End all nodes with SIGKILL, as a power cut would end them."""
        for node in self.nodes:
            node.kill()
        self._release()

    def restart_node(self, node: Node) -> None:
        """Start one node again that was stopped or killed, and wait until the cluster is whole."""
        assert self._lock is not None, "the broker does not run"
        node.start(self._lock)
        self._wait_until_ready()

    def check_alive(self) -> None:
        """Raise what ended the first node that is gone; nothing when all run."""
        for node in self.nodes:
            if not node.is_running():
                raise node.death()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _start_nodes(self, directory: DataDirectory, command: JavaCommand, checkpoint: bytes) -> None:
        for attempt in range(1, _PORT_TRIES + 1):
            cluster = self._cluster = self._plan(directory.cluster(), keep_ports=attempt == 1)
            places = _places(directory, cluster)
            for place in places:
                directory.format_node(place, places, cluster.cluster_id, checkpoint)
            directory.keep(cluster)
            self.nodes = tuple(
                Node(place.node_id, directory.node_directory(place.node_id), command) for place in places
            )
            try:
                for node in self.nodes:
                    assert self._lock is not None
                    node.start(self._lock)
                self._wait_until_ready()
            except (
                PortTakenError
            ):  # between the choice and the start; a port asked for by number is not replaced
                for node in self.nodes:
                    node.stop()
                if self._port is not None or attempt == _PORT_TRIES:
                    raise
            else:
                return

    def _plan(self, known: Cluster | None, *, keep_ports: bool) -> Cluster:
        """Decide id and ports: those of the last start where they are free, so that clients find it again."""
        if self._port is not None:
            ports.require_free(self._port)
        identity = known.cluster_id if known else new_id()
        if known and keep_ports and self._port in (None, known.client_ports[0]):
            wanted = known.client_ports + known.controller_ports
            if all(ports.is_free(port) for port in wanted):
                return known
        chosen = ports.choose(2 * self._size)
        client = list(chosen[: self._size])
        if self._port is not None:
            client[0] = self._port
        return Cluster(identity, tuple(client), chosen[self._size :])

    def _wait_until_ready(self) -> None:
        assert self._cluster is not None
        deadline = time.monotonic() + self._ready_timeout_s
        address = ready.Address(self.bootstrap, self._size, self._cluster.cluster_id)
        opened = all(
            ready.wait_for_port(port, self.check_alive, deadline) for port in self._cluster.client_ports
        )
        if not (opened and ready.answers(address, self.check_alive, deadline)):
            raise BrokerNotReadyError(
                f"the broker runs but did not answer within {self._ready_timeout_s:g} s",
                where=self.bootstrap,
                next_step=f"read {self.nodes[0].home / 'logs' / 'server.log'}; on a busy machine start it again",
            )

    def _announce(self, directory: DataDirectory, kafka_version: str) -> None:
        assert self._cluster is not None
        directory.announce(
            Running(
                pid=os.getpid(),
                cluster_id=self._cluster.cluster_id,
                bootstrap=self.bootstrap,
                nodes=self._size,
                kafka_version=kafka_version,
                heap_mb=self._heap_mb,
                started_at_ms=time.time_ns() // 1_000_000,
                stops_on_signal=self._stops_on_signal,
            )
        )

    def _release(self) -> None:
        if self._lock is not None:
            assert self._directory is not None
            self._directory.announce(None)
            os.close(self._lock)
            self._lock = None


def _places(directory: DataDirectory, cluster: Cluster) -> tuple[NodePlace, ...]:
    pairs = zip(cluster.client_ports, cluster.controller_ports, strict=True)
    return tuple(
        NodePlace(number, client, controller, directory.node_directory(number) / "data")
        for number, (client, controller) in enumerate(pairs, start=1)
    )
