"""The broker's data directory: who holds it, which cluster lives in it, and what a node finds there.

::

    lock            held (flock) as long as any node runs
    cluster.json    lasting: cluster id, number of nodes, ports of the last start
    running.json    pid and address while it runs; removed by a clean stop
    node-1/         server.properties, console.log, logs/server.log, data/ (Kafka's own log directory)

Invariant: two brokers never work on one directory, even when the first one's owner was killed and its Java is still
stopping: the lock is handed to each node's guard and lives as long as the last of them.
"""

from __future__ import annotations

import base64
import os
import shutil
import uuid
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import TypeVar

import msgspec

from tieout.streams.operate.broker.errors import DataDirMismatchError, DiskFullError
from tieout.streams.operate.broker.properties import NodePlace, render, server_properties
from tieout.streams.operate.servers import directory_lock
from tieout.streams.operate.servers.errors import DirectoryInUseError

_T = TypeVar("_T")

_LOCK_PATIENCE_S = 1.0
"""How long to wait for a holder that may just be going away."""

_ORPHAN_PATIENCE_S = 30.0
"""The same when its owner is gone: the guards are then stopping its nodes, which three nodes take seconds for."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """What ``cluster.json`` keeps. Ports are listed by node."""

    cluster_id: str
    client_ports: tuple[int, ...]
    controller_ports: tuple[int, ...]

    @property
    def nodes(self) -> int:
        """Number of nodes, fixed when the directory is first used."""
        return len(self.client_ports)

    @property
    def bootstrap(self) -> str:
        """Comma-separated addresses for clients."""
        return ",".join(f"127.0.0.1:{port}" for port in self.client_ports)


@dataclass(frozen=True, slots=True)
class Running:
    """What ``running.json`` keeps: the owner's process id and the address for clients.

    ``stops_on_signal``: the owner is a broker command that SIGTERM ends in order, not a program with other work.
    """

    pid: int
    cluster_id: str
    bootstrap: str
    nodes: int
    kafka_version: str
    heap_mb: int
    started_at_ms: int
    stops_on_signal: bool


@dataclass(frozen=True, slots=True)
class DataDirectory:
    """One directory, absolute."""

    path: Path

    @classmethod
    def at(cls, path: Path) -> DataDirectory:
        """Create the directory if need be."""
        path.mkdir(parents=True, exist_ok=True)
        return cls(path.resolve())

    def node_directory(self, node_id: int) -> Path:
        """Home of one node: settings, logs, data."""
        return self.path / f"node-{node_id}"

    def acquire(self) -> int:
        """Lock the directory; the descriptor returned holds it. Raises DirectoryInUseError."""
        handle = directory_lock.acquire(self.path, self._patience_seconds)
        if handle is None:
            raise self._in_use()
        self.announce(None)  # whatever a killed owner left behind is no longer true
        return handle

    def is_held(self) -> bool:
        """Whether some broker holds the directory now."""
        return directory_lock.is_held(self.path)

    def cluster(self) -> Cluster | None:
        """Read ``cluster.json``; None when the directory is new."""
        return _read(self.path / "cluster.json", Cluster)

    def running(self) -> Running | None:
        """Read ``running.json``; None when nothing runs. A killed owner leaves one behind: see ``is_held``."""
        return _read(self.path / "running.json", Running)

    def keep(self, cluster: Cluster) -> None:
        """Write ``cluster.json``."""
        _write(self.path / "cluster.json", _json(cluster))

    def announce(self, running: Running | None) -> None:
        """Write ``running.json``, or remove it."""
        if running is None:
            (self.path / "running.json").unlink(missing_ok=True)
        else:
            _write(self.path / "running.json", _json(running))

    def require_nodes(self, nodes: int) -> None:
        """Raise DataDirMismatchError when the directory holds a cluster of another size."""
        cluster = self.cluster()
        if cluster is not None and cluster.nodes != nodes:
            raise DataDirMismatchError(
                f"the directory holds a cluster of {cluster.nodes} node(s), {nodes} were asked for",
                where=self.path,
                next_step=f"start it with --nodes {cluster.nodes}, or use another --data-dir",
            )

    def require_room(self, free_mb: int) -> None:
        """Raise DiskFullError unless ``free_mb`` mebibytes are free."""
        free = shutil.disk_usage(self.path).free >> 20
        if free < free_mb:
            raise DiskFullError(
                f"{free} MiB are free, the broker wants {free_mb} MiB to start",
                where=self.path,
                next_step="free some space, or use another --data-dir; a broker that runs out of space stops at once",
            )

    def format_node(
        self, place: NodePlace, places: tuple[NodePlace, ...], cluster_id: str, checkpoint: bytes
    ) -> None:
        """Write what ``kafka-storage.sh format`` would, without a Java start of its own, and the node's settings.

        ``checkpoint`` is the feature-level record that Kafka's own tool writes; a formatted node keeps its own.
        """
        home = self.node_directory(place.node_id)
        place.log_dir.mkdir(parents=True, exist_ok=True)
        (home / "logs").mkdir(exist_ok=True)
        (home / "server.properties").write_text(render(server_properties(place, places)), "utf-8")
        (home / "log4j2.properties").write_bytes(
            files("tieout.streams.operate.broker").joinpath("log4j2.properties").read_bytes()
        )
        meta = place.log_dir / "meta.properties"
        if not meta.exists():
            (place.log_dir / "bootstrap.checkpoint").write_bytes(checkpoint)
            identity = {"version": "1", "cluster.id": cluster_id, "node.id": str(place.node_id)}
            _write(meta, render(identity | {"directory.id": new_id()}))

    def _patience_seconds(self) -> float:
        running = self.running()
        orphaned = running is not None and not _exists(running.pid)
        return _ORPHAN_PATIENCE_S if orphaned else _LOCK_PATIENCE_S

    def _in_use(self) -> DirectoryInUseError:
        running = self.running()
        who = (
            f"process {running.pid} at {running.bootstrap}"
            if running
            else "a broker that is starting or stopping"
        )
        return DirectoryInUseError(
            f"another broker holds the data directory: {who}",
            where=self.path,
            next_step=f"use it as it is, stop it (tieout broker stop --data-dir {self.path}), or use another --data-dir",
        )


def new_id() -> str:
    """Random id in Kafka's form: 22 characters of URL-safe base64, not starting with a dash."""
    while True:
        text = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        if not text.startswith("-"):  # Kafka avoids it, because a command line would take it for an option
            return text


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _read(path: Path, kind: type[_T]) -> _T | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except FileNotFoundError:
        return None


def _json(value: object) -> str:
    return msgspec.json.format(msgspec.json.encode(value)).decode() + "\n"


def _write(path: Path, text: str) -> None:
    """Replace the file as a whole: a reader, or a crash, never sees half of it."""
    partial = path.with_name(path.name + ".partial")
    partial.write_text(text, "utf-8")
    partial.replace(path)
