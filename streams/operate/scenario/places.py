"""Where in a scenario file something stands, and what is wrong there.

Invariant: whatever is wrong with a scenario is told with its file, its scenario and the path of the key, and with what
may stand there instead; it is never skipped.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

_NEAR = 0.75
"""How alike two names are, of 1, for one to be a slip of the other."""


class ScenarioWrong(Exception):  # noqa: N818 - what it says is wrong is the scenario, not the program
    """A file or scenario that cannot be read; ``spot`` says where."""

    def __init__(self, spot: Spot, what: str) -> None:
        super().__init__(f"{spot}: {what}")
        self.spot = spot
        self.what = what


@dataclass(frozen=True, slots=True)
class Spot:
    """A place: file, scenario (empty: the whole file) and the path of a key, such as ``events[2].lines[0].qty``."""

    file: str
    scenario: str = ""
    path: str = ""

    def __str__(self) -> str:
        return ", ".join(part for part in (self.file, self.scenario, self.path) if part)

    def key(self, name: object) -> Spot:
        """The place of a key below this one."""
        return Spot(self.file, self.scenario, f"{self.path}.{name}" if self.path else str(name))

    def item(self, number: int) -> Spot:
        """The place of a list's item, counted from 0."""
        return Spot(self.file, self.scenario, f"{self.path}[{number}]")

    def wrong(self, what: str) -> ScenarioWrong:
        """The error to raise."""
        return ScenarioWrong(self, what)

    def mapping(self, value: Any, known: Iterable[str]) -> Mapping[str, Any]:
        """The value, when it is a map of known keys alone."""
        names = tuple(known)
        stated = self.a_map(value)
        for name in stated:
            if name not in names:
                raise self.key(name).wrong(f"unknown key{instead(name, names, ' here')}")
        return stated

    def a_map(self, value: Any) -> Mapping[Any, Any]:
        """The value, when it is a map."""
        if not isinstance(value, Mapping):
            raise self.wrong(f"must be a map of keys and values, not {shown(value)}")
        return value

    def items(self, value: Any) -> list[Any]:
        """The value, when it is a list."""
        if not isinstance(value, list):
            raise self.wrong(f"must be a list, not {shown(value)}")
        return value

    def text(self, value: Any) -> str:
        """The value, when it is a text or a number that serves as one (an id)."""
        if isinstance(value, bool | list | Mapping) or value is None:
            raise self.wrong(f"must be a text, not {shown(value)}")
        return str(value)

    def flag(self, value: Any) -> bool:
        """The value, when it is true or false."""
        if not isinstance(value, bool):
            raise self.wrong(f"must be true or false, not {shown(value)}")
        return value


def instead(name: object, known: Iterable[str], where: str = "") -> str:
    """What may stand where an unknown name stands: the nearest one, as a question, and all that are known."""
    names = list(known)
    near = get_close_matches(str(name), names, n=1, cutoff=_NEAR)
    return (f", did you mean {near[0]!r}?" if near else ";") + f" known{where}: {', '.join(names)}"


def shown(value: Any) -> str:
    """A value as it may stand in a message: short, on one line."""
    text = "nothing" if value is None else repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."  # noqa: PLR2004 - what fits a line beside its path
