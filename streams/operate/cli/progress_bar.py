"""One progress bar on standard error, for commands that count through records."""

from __future__ import annotations

from collections.abc import Callable

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)


class Bar:
    """A context manager that gives ``advance(count so far)``; ``total`` None shows a moving bar and the count."""

    def __init__(self, verb: str, total: int | None) -> None:
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn(verb),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        self._task = self._progress.add_task(verb, total=total)

    def __enter__(self) -> Callable[[int], None]:
        self._progress.start()
        return lambda count: self._progress.update(self._task, completed=count)

    def __exit__(self, *_: object) -> None:
        self._progress.stop()
