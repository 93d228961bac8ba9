"""What is expected of a large stream, worked out by as many processes as there are cores.

Invariant: groups have nothing to do with each other, so that the sum of the parts is the whole, whichever group is in which part.
"""

import multiprocessing
import os
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, fields

from oracle.expected import Expected, expect_groups
from oracle.trial_balance import Place, TrialBalance

from tieout.streams.operate.generate import Generation, GroupTruth


@dataclass(frozen=True)
class Question:
    """``late``: ids of events that came when the months through ``closed`` (2025-03) were closed already."""

    generation: Generation
    horizon: int
    closed: str
    late: frozenset[str]


def expect_in_parts(question: Question, parts: int | None = None) -> tuple[Expected, Counter[Place]]:
    """What must exist, and the trial balance that an ERP must show."""
    count = parts or os.cpu_count() or 1
    whole, balances = Expected(horizon=question.horizon), Counter()
    # Spawned, because the demo that asks has threads and an event loop.
    with ProcessPoolExecutor(count, mp_context=multiprocessing.get_context("spawn")) as pool:
        for expected, found in pool.map(_part, [question] * count, range(count), [count] * count):
            _add(whole, expected)
            balances.update(found)
    return whole, balances


def _part(question: Question, first: int, step: int) -> tuple[Expected, Counter[Place]]:
    generation = question.generation
    books = TrialBalance.of(generation, question.horizon, question.closed, question.late)

    def groups() -> Iterator[GroupTruth]:
        for number in range(first, generation.group_count, step):
            group = generation.group(number)
            books.add(group)
            yield group

    return expect_groups(groups(), question.horizon, generation.mirrored), books.balances


def _add(whole: Expected, part: Expected) -> None:
    for field in fields(Expected):
        if field.name not in {"horizon", "owners"}:
            getattr(whole, field.name).update(getattr(part, field.name))
