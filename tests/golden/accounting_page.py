"""What docs/accounting.md shows of the agent: worked examples, between the page's own marks, and the values of choices.

Invariant: no figure of an example is written by hand. A mark names a scenario of this folder; what stands between it and
the end mark is the scenario's events and the runner's explanation of them. To write the page anew:
``.venv/bin/python tests/golden/accounting_page.py``.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from golden.scenario_files import FOLDER, SCENARIOS

from tieout.agents.contracts.switches import values_in_words
from tieout.streams.operate.scenario.explaining import explained
from tieout.streams.operate.scenario.running import run
from tieout.streams.operate.scenario.shuffling import Tries

PAGE = Path(__file__).resolve().parents[2] / "docs" / "accounting.md"
CHOICE = re.compile(r"^\| `(\w+)` \| [^|]* \|", re.MULTILINE)
BALANCES = re.compile(r"\| \d{4}-\d\d[^|]* \| ([\d,.]+) \| [\d,.]+ \| ([\d,.]+) \|")
ROWS_MAX = 6
"""Rows of balances with one price and one sum due that are shown in full."""
MARK = re.compile(r"(<!-- example: (\S+) -->\n).*?(<!-- end of example -->)", re.DOTALL)


def examples(text: str) -> list[str]:
    """The scenarios that a page works through, in its order."""
    return [name for _, name, _ in MARK.findall(text)]


def written_anew(text: str) -> str:
    """The page with each example as the runner explains it now, and each choice with the values that are built."""
    text = MARK.sub(lambda found: f"{found[1]}{_example(found[2])}{found[3]}", text)
    return CHOICE.sub(lambda found: f"| `{found[1]}` | {' or '.join(values_in_words(found[1]))} |", text)


def _example(name: str) -> str:
    result = run(SCENARIOS[name], tries=Tries(1, all_up_to=1))
    assert result.passed, "\n".join(result.lines())
    title, *lines = explained(name, result.figures)
    assert title == f"## {name}"
    inner = [
        f"**{line.removeprefix('### ')}**" if line.startswith("###") else line for line in _shortened(lines)
    ]
    return "\n".join(["", "```yaml", *_events(name), "```", *inner, ""])


def _shortened(lines: list[str]) -> Iterator[str]:
    """Of months that differ in what was earned alone, the first and the last two: the runner prints them all."""
    for price, group in groupby(lines, key=_price_and_due):
        rows = list(group)
        if price is None or len(rows) <= ROWS_MAX:
            yield from rows
        else:
            yield from (*rows[:2], f"| ... {'| ' * rows[0].count(' | ')}|", *rows[-2:])


def _price_and_due(line: str) -> tuple[str, str] | None:
    """Of a row of balances."""
    found = BALANCES.match(line)
    return None if found is None else (found[1], found[2])


def _events(name: str) -> Iterator[str]:
    """The scenario as its file has it, up to what it expects."""
    for path in sorted(FOLDER.glob("*.yaml")):
        found = re.search(
            rf"^- scenario: {re.escape(name)}\n(.*?)(?=^  expect:)",
            path.read_text(),
            re.MULTILINE | re.DOTALL,
        )
        if found:
            yield f"- scenario: {name}"
            yield from found[1].splitlines()
            return


if __name__ == "__main__":
    PAGE.write_text(written_anew(PAGE.read_text()))
