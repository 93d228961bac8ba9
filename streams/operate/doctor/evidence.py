"""What the doctor has seen: plain values, so that every judgement can be tested without a broker.

Invariant: whatever changes while one looks (ends of logs, positions) is there twice, from two looks some seconds
apart: an open transaction is no finding, one that stands still is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tieout.streams.operate.cluster import Place
from tieout.streams.operate.snapshot import ClusterSnapshot
from tieout.streams.topics import Plan

LogPlace = tuple[str, int]
"""(topic, partition)."""


@dataclass(frozen=True, slots=True)
class Ends:
    """First offset that is kept, last stable offset, end."""

    start: int
    stable: int
    high: int


@dataclass(frozen=True, slots=True)
class Group:
    """An agent's consumer group: its state, and how many members it has."""

    agent: str
    state: str
    members: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """Where the doctor runs; sizes in bytes.

    ``codec`` is empty where the one that the settings ask for is not installed; ``codec_trouble`` says that, or why a
    slower one runs; ``extensions`` is what Faust lacks.
    """

    version: str
    python: str
    codec: str
    codec_trouble: str | None
    extensions: str | None
    state_dir: Path
    writable: bool
    free_bytes: int
    total_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What a Kafka that answers has shown.

    ``positions`` are those of the first look, ``cluster`` is the second. ``ahead_seconds``: how far each worker's clock
    is ahead of the broker's, and this machine's under the name ""; missing where it could not be compared.
    """

    bootstrap: str
    plan: Plan
    apart_seconds: float
    first: Mapping[LogPlace, Ends]
    second: Mapping[LogPlace, Ends]
    groups: tuple[Group, ...]
    positions: Mapping[Place, int]
    cluster: ClusterSnapshot
    ahead_seconds: Mapping[str, float] = field(default_factory=dict)
