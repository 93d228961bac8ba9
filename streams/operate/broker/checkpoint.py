"""The feature levels that a new cluster starts with, as Kafka's own format tool writes them.

A node that finds ``bootstrap.checkpoint`` beside ``meta.properties`` starts with the same feature levels
(transactions, groups, metadata) as one formatted by ``kafka-storage.sh``. The file holds no ids, so it is made once
per cache by the tool itself and copied from then on: a new data directory costs no Java start.
"""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

from tieout.streams.operate.broker.properties import NodePlace, render, server_properties
from tieout.streams.operate.broker.storage import new_id
from tieout.streams.operate.servers.errors import DiedError

_NAME = "bootstrap.checkpoint"
_FORMAT_TIMEOUT_S = 60


def feature_checkpoint(java: Path, class_path: str, jar_directory: Path) -> bytes:
    """Contents of the file; made and kept beside the jars when it is not there yet."""
    kept = jar_directory / _NAME
    if not kept.is_file():
        with tempfile.TemporaryDirectory(dir=jar_directory) as scratch:
            made = _format(java, class_path, Path(scratch))
            made.replace(kept)
    return kept.read_bytes()


def _format(java: Path, class_path: str, scratch: Path) -> Path:
    place = NodePlace(1, 1, 2, scratch / "data")
    settings = scratch / "server.properties"
    settings.write_text(render(server_properties(place, [place])), "utf-8")
    tool = [str(java), "-Xmx128m", "-cp", class_path, "kafka.tools.StorageTool", "format"]
    done = subprocess.run(
        [*tool, "-t", new_id(), "-c", str(settings)],
        capture_output=True,
        text=True,
        timeout=_FORMAT_TIMEOUT_S,
        check=False,
    )
    made = place.log_dir / _NAME
    if done.returncode != 0 or not made.is_file():
        raise DiedError(
            f"Kafka's format tool failed (exit status {done.returncode}): {(done.stderr or done.stdout)[-500:]}",
            where=settings,
            next_step=f"delete {scratch.parent} and start again",
        )
    return made
