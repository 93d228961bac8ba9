"""What is measured: an agent on the engine, with its events, its worker and its judge.

Two subjects exist: the contract agent (the product) and the comparison job (the same engine under an agent that does
little). Invariant: a benchmark knows nothing of either beyond this protocol, and no run counts that its judge refuses.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from measuring.broker import Ground
from measuring.sending import Delivery
from measuring.workers import Worker


class Subject(Protocol):
    """An agent to measure. ``tuning`` of a worker is engine settings by name."""

    name: str
    input_topic: str
    changelog: str
    partitions: int

    async def prepare(self, bootstrap: str) -> None:
        """Topics, and whatever the agent needs before events."""
        ...

    def deliveries(self, count: int) -> Iterator[Delivery]:
        """The first ``count`` deliveries of one endless stream; the same ones each time."""
        ...

    def worker(self, ground: Ground, name: str, tuning: Mapping[str, Any]) -> Worker:
        """A worker that is not yet started; the same name again takes the same place."""
        ...

    async def judge(self, bootstrap: str, count: int) -> list[str]:
        """What is wrong with all outputs of the first ``count`` deliveries; empty when all is right."""
        ...


class WrongRunError(Exception):
    """The judge has refused a run: its figures do not count."""


def refuse(subject: Subject, problems: list[str]) -> None:
    """Raise unless nothing was found."""
    if problems:
        shown = "\n".join(problems[:10])
        raise WrongRunError(
            f"{subject.name}: {len(problems)} problems; the run does not count, and the workers'"
            f" logs are kept in benchmarks/results:\n{shown}"
        )
