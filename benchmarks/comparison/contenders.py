"""Who can be run on the comparison job: tieout, the floor, and every engine that has a folder under ``peers``.

A peer is a folder with an executable ``run.sh``, started with the environment of ``contract``; whatever it needs beyond
the project (a JDK, an environment of its own) it brings by its own make target. Invariant: all are started, fed,
watched and judged the same way; only the floor is not judged, because it restores no order.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
PEERS = HERE.parent / "peers"
COMMIT_MS = {"eos": 100, "alo": 1_000}


@dataclass(frozen=True, slots=True, kw_only=True)
class Contender:
    """One configuration. ``environment`` comes on top of the contract's; ``processes`` are started alike."""

    name: str
    program: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    guarantee: str = "eos"
    processes: int = 1
    is_floor: bool = False


def tieout(codec: str, *, workers: int = 1, settings: Mapping[str, Any] | None = None) -> Contender:
    """This engine, with a codec and ``EngineSettings`` that differ from the default."""
    return Contender(
        name=f"tieout {codec}" + (f" x{workers}" if workers > 1 else ""),
        program=sys.executable,
        command=(str(HERE / "worker.py"),),
        environment={"JOB_CODEC": codec, "JOB_SETTINGS": json.dumps(dict(settings or {}))},
        processes=workers,
    )


def floor(codec: str, records: int) -> Contender:
    """The floor with the same codec and transaction size."""
    return Contender(
        name=f"floor {codec}",
        program=sys.executable,
        command=(str(HERE / "floor.py"),),
        environment={"JOB_CODEC": codec, "JOB_RECORDS": str(records)},
        is_floor=True,
    )


def peer(name: str, guarantee: str = "eos") -> Contender:
    """The engine in ``benchmarks/peers/<name>``."""
    script = PEERS / name / "run.sh"
    if not script.exists():
        known = ", ".join(sorted(each.parent.name for each in PEERS.glob("*/run.sh"))) or "none"
        raise SystemExit(f"no peer {name!r}: {script} does not exist; there are: {known}")
    return Contender(
        name=f"{name} {guarantee}", program="/bin/bash", command=(str(script),), guarantee=guarantee
    )


def contract(
    contender: Contender, *, bootstrap: str, topics: tuple[str, str, str], partitions: int, state: Path
) -> dict[str, str]:
    """What a worker is told when it starts. ``topics``: input, commands, revenue; ``state`` is empty."""
    inbox, commands, revenue = topics
    return {
        "BOOTSTRAP": bootstrap,
        "INPUT": inbox,
        "COMMANDS": commands,
        "REVENUE": revenue,
        "GROUP": commands.removesuffix("-commands"),
        "PARTITIONS": str(partitions),
        "GUARANTEE": contender.guarantee,
        "THREADS": "1",
        "COMMIT_MS": str(COMMIT_MS[contender.guarantee]),
        "STATE_DIR": str(state),
        "SCHEMAS": str(HERE / "schemas"),
        "PYTHONPATH": str(HERE.parent),
        **contender.environment,
    }
