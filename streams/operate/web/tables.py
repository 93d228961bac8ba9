"""Sections and tables of the page: readable where the window is narrow, named for those who do not see them.

Invariant: every figure stands in a cell of a table with a caption and headers; what is too long to read is counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tieout.streams.operate.web.markup import Child, Html, el
from tieout.streams.operate.web.words import LEVEL_MARKS, number

MOST_ROWS = 100
"""Rows of one table; more would make the page slow to read. The rest is counted and is in /api/stats."""

Cell = Html | str
Row = Sequence[Cell]


def section(name: str, title: str, *content: Child) -> Html:
    """A part of the page under a heading of its own."""
    return el("section", el("h2", title, id=name), *content, aria_labelledby=name)


def mark(level: str) -> Html:
    """The sign of a level, beside words that say the same."""
    return el("span", LEVEL_MARKS[level], class_=f"mark {level}", aria_hidden="true")


def counted(counts: dict[str, int]) -> list[Row]:
    """Rows of names and counts, the largest first."""
    return [(name, number(count)) for name, count in sorted(counts.items(), key=lambda item: -item[1])]


def table(
    caption: str, columns: Sequence[str], rows: Sequence[Row], *, foot: Row = (), words: int = 0
) -> Html:
    """A table that scrolls on its own where the window is narrow. ``words``: text columns after the first one."""
    shown = [el("tr", _cells(row, words)) for row in rows[:MOST_ROWS]]
    if not rows:
        shown = [el("tr", el("td", "none", colspan=len(columns)))]
    if len(rows) > MOST_ROWS:
        shown.append(
            el(
                "tr",
                el("td", f"and {number(len(rows) - MOST_ROWS)} more in /api/stats", colspan=len(columns)),
            )
        )
    drawn = el(
        "table",
        el("caption", caption),
        el(
            "thead",
            el("tr", (el("th", c, scope="col", class_=_kind(i, words)) for i, c in enumerate(columns))),
        ),
        el("tbody", shown),
        el("tfoot", el("tr", _cells(foot, words))) if foot else None,
    )
    return el("div", drawn, class_="scroll", role="region", aria_label=caption, tabindex=0)


def _cells(row: Row, words: int) -> Iterable[Html]:
    for i, cell in enumerate(row):
        yield el("td", cell, class_=_kind(i, words)) if i else el("th", cell, scope="row")


def _kind(column: int, words: int) -> str | None:
    return None if column <= words else "n"
