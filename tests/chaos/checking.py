"""Judges every output as it becomes visible, against the truth, record by record.

Usable while the faults go on: what has been seen so far must be a prefix of what must be said, per contract and
topic. Invariant: it remembers where each contract stands and the bytes of what it saw, and forgives nothing that a
later record would repair.
"""

from __future__ import annotations

import hashlib
import threading
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from chaos.anomalies import Anomaly
from chaos.truth import Said, Truth, decode

KEEP = 25
"""Findings kept of each name: a broken engine makes one per record."""


@dataclass(slots=True)
class _Standing:
    last: int = 0
    hashes: dict[int, bytes] = field(default_factory=dict)


class Findings:
    """Anomalies as they are found, from any thread; of each name the first ones and how many."""

    def __init__(self) -> None:
        self._found: dict[str, list[Anomaly]] = defaultdict(list)
        self._counts: dict[str, int] = defaultdict(int)
        self._lock = threading.Lock()

    def add(self, name: str, where: str, detail: str) -> None:
        """One more."""
        with self._lock:
            self._counts[name] += 1
            if self._counts[name] <= KEEP:
                self._found[name].append(Anomaly(name, where, detail))

    def all(self) -> list[Anomaly]:
        """What was kept, and a last line for each name that had more."""
        with self._lock:
            found = [anomaly for group in self._found.values() for anomaly in group]
            more = [
                Anomaly(name, "all", f"{count - KEEP} more of this name")
                for name, count in self._counts.items()
                if count > KEEP
            ]
        return found + more

    def names(self) -> set[str]:
        """The names that were found."""
        with self._lock:
            return set(self._counts)


class OutputChecker:
    """Takes the records of both output topics, each partition in its order, from one thread."""

    def __init__(self, truth: Truth, commands: str, revenue: str, findings: Findings) -> None:
        self._truth = truth
        self._fields = {commands: Said.command, revenue: Said.revenue}
        self._findings = findings
        self._standing: dict[str, dict[str, _Standing]] = {
            commands: defaultdict(_Standing),
            revenue: defaultdict(_Standing),
        }
        self.seen = dict.fromkeys(self._fields, 0)
        """Visible outputs per topic, copies not counted."""

    def take(self, topic: str, where: str, value: bytes) -> None:
        """One record that a read-committed reader was given."""
        said = decode(value)
        contract, sequence = said["contract_id"], said["sequence"]
        standing = self._standing[topic][contract]
        body = hashlib.blake2b(value, digest_size=8).digest()
        if sequence in standing.hashes:
            same = standing.hashes[sequence] == body
            self._findings.add(
                "duplicate" if same else "divergent-duplicate", where, f"{contract}:{sequence} is said again"
            )
            return
        standing.hashes[sequence] = body
        self.seen[topic] += 1
        if sequence != standing.last + 1:
            self._findings.add("out-of-order", where, f"{contract}:{sequence} follows {standing.last}")
        standing.last = max(standing.last, sequence)
        self._compare(topic, where, said)

    def _compare(self, topic: str, where: str, said: dict[str, Any]) -> None:
        contract, sequence = said["contract_id"], said["sequence"]
        story = self._truth.said.get(contract, [])
        if not 1 <= sequence <= len(story):
            self._findings.add("phantom", where, f"{contract}:{sequence} has no event")
            return
        right = self._fields[topic](story[sequence - 1], contract, sequence)
        wrong = sorted(name for name in right if said.get(name) != right[name])
        if wrong:
            told = ", ".join(f"{name} {said.get(name)!r} instead of {right[name]!r}" for name in wrong)
            self._findings.add("wrong-state", where, f"{contract}:{sequence}: {told}")

    def finish(self, delivered: int) -> None:
        """After the end: whatever is due and was not seen is lost."""
        for contract, last in self._truth.due(delivered).items():
            for topic, standings in self._standing.items():
                missing = [
                    number for number in range(1, last + 1) if number not in standings[contract].hashes
                ]
                if missing:
                    self._findings.add(
                        "lost-write", topic, f"{contract}: {len(missing)} missing, the first is {missing[0]}"
                    )
