"""From stacks that a sampling profiler saw to the stages of the pipeline. Pure.

A sample whose innermost line waits (for a socket, a lock, a clock) is no work and is left out. Any other belongs to the innermost frame that a rule knows: what a stage calls (hashing, the store's reads, a library) is
that stage's time. Compiled functions have no frame; a line that calls the codec says by its text which way. Invariant:
every sample is in exactly one stage, and what no rule knows is shown as ``other``, never spread over the rest.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

STAGES = (
    "decode",
    "dedup",
    "order",
    "decide",
    "emit",
    "rows",
    "commit",
    "store",
    "fetch",
    "loop",
    "other",
)


class Frame(NamedTuple):
    """One level of a stack: function without its class, path of its file, line number (0: not known)."""

    function: str
    path: str
    line: int


_LOOP = re.compile(r"asyncio/|selectors\.py$|threading\.py$|concurrent/")
"""Files of the event loop: what it does for somebody is his, the rest is ``loop``."""
_FRAME = re.compile(r"(?P<function>.+) \((?P<path>[^()]*?)(?::(?P<line>\d+))?\)$")
_WAITING = re.compile(r"\b(sleep|wait|poll|select|acquire|join)\(")
LineOf = Callable[[str, int], str]
"""The text of a line of a file; empty where it cannot be read."""

_LINES: tuple[tuple[str, str, str], ...] = (
    (r"comparison/agent\.py$", r"_?decode(_event)?\(", "decode"),
    (r"comparison/agent\.py$", r"_?encode(_command|_revenue)\(", "emit"),
    (r"comparison/agent\.py$", r"effects\.emit\(", "emit"),
)
"""(file, text of the line, stage): calls of compiled functions, looked at first."""

_RULES: tuple[tuple[str, str, str], ...] = (
    (r"tables/rocksdb_store\.py$", r"", "store"),
    (r"avro/.*\.py$", r"decode|read|take|open", "decode"),
    (r"avro/.*\.py$", r"encode|write", "emit"),
    (r"comparison/wire\.py$", r"decode", "decode"),
    (r"comparison/wire\.py$", r"encode", "emit"),
    (r"comparison/agent\.py$", r"^flush$", "rows"),
    (r"comparison/agent\.py$", r"^(_hold|_release)$", "order"),
    (r"comparison/agent\.py$", r"^(_apply)$", "decide"),
    (r"comparison/agent\.py$", r"^(step|_load)$", "dedup"),
    (r"agents/decode\.py$", r"", "decode"),
    (r"agents/(dedup|arrival)\.py$|tables/identity\.py$", r"", "dedup"),
    (r"agents/(order|parking|timers)\.py$", r"", "order"),
    (r"agents/groups\.py$", r"flush|encode", "rows"),
    (r"agents/emit\.py$", r"", "emit"),
    (r"agents/results\.py$", r"flush", "rows"),
    (r"agents/results\.py$", r"", "emit"),
    (r"agents/contracts/|agents/(deciding|sweep|findings|groups|pipeline)\.py$", r"", "decide"),
    (r"streams/engine/(transaction|kafka_session|positions|calls|crash_journal)\.py$", r"", "commit"),
    (r"streams/engine/rows\.py$", r"", "rows"),
    (r"aiokafka/producer/", r"", "commit"),
    (r"aiokafka/consumer/|streams/engine/(feed|transport|inbox|lazy_records)\.py$", r"", "fetch"),
    (r"/(faust|mode)/", r"", "fetch"),
    (r"aiokafka/", r"", "commit"),
    (r"streams/engine/", r"", "commit"),
)
"""(file, function, stage), the first that fits; a frame that none fits is passed over for its caller."""


def frames(stack: str) -> list[Frame]:
    """A folded stack (``outer (file:line);inner (file:line)``), outermost first."""
    found = []
    for part in stack.split(";"):
        match = _FRAME.match(part)
        if match:
            function = match["function"].rpartition(".")[2]
            found.append(Frame(function, match["path"], int(match["line"] or 0)))
    return found


def stage_of(stack: Sequence[Frame], line_of: LineOf) -> str:
    """The stage of one sample."""
    for frame in reversed(stack):
        text = line_of(frame.path, frame.line) if frame.line else ""
        for path, called, stage in _LINES:
            if re.search(path, frame.path) and re.search(called, text):
                return stage
        for path, function, stage in _RULES:
            if re.search(path, frame.path) and re.search(function, frame.function):
                return stage
    return "loop" if any(_LOOP.search(frame.path) for frame in stack) else "other"


def working(folded: Iterable[str], line_of: LineOf) -> Iterator[tuple[list[Frame], int]]:
    """(stack, samples) of lines ``stack count``; those that wait are left out."""
    for each in folded:
        stack, _, number = each.rpartition(" ")
        found = frames(stack)
        if found and number.isdigit() and not _WAITING.search(line_of(found[-1].path, found[-1].line)):
            yield found, int(number)


def shares(folded: Iterable[str], line_of: LineOf) -> dict[str, float]:
    """Stage -> share of the samples that worked; every stage is named, absent ones with 0."""
    counts: Counter[str] = Counter()
    for stack, samples in working(folded, line_of):
        counts[stage_of(stack, line_of)] += samples
    total = sum(counts.values())
    return {stage: round(counts[stage] / total, 4) if total else 0.0 for stage in STAGES}


def hottest(folded: Iterable[str], line_of: LineOf, number: int) -> list[tuple[str, str, float]]:
    """(stage, innermost function, share) of the functions that most samples were in."""
    counts: Counter[tuple[str, str]] = Counter()
    for stack, samples in working(folded, line_of):
        short = "/".join(stack[-1].path.split("/")[-2:])
        counts[stage_of(stack, line_of), f"{short} {stack[-1].function}"] += samples
    total = sum(counts.values()) or 1
    return [(stage, name, round(count / total, 4)) for (stage, name), count in counts.most_common(number)]
