"""YAML files become scenarios: data only, every key known, numbers as decimals.

Invariant: what is not in the format is an error that names file, scenario and path, never a skip; a number is never a
float; only full ISO dates are dates, in quotes too; ``on``, ``off``, ``yes`` and ``no`` are texts.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from tieout.streams.operate.scenario.places import ScenarioWrong, Spot, shown

PARTS = {
    "decisions": "treatment of each accepted version behind the first, in order of its accounting date",
    "allocation": "date -> obligation -> its share of the transaction price as seen on that date",
    "schedule": "obligation or total -> attribution period -> revenue, over everything that is emitted",
    "posted": "posting period -> class -> movement, documents and journals together",
    "posted_fc": "the same in the functional currency of the entity",
    "balances": "period or date -> balance, from all facts dated by then",
    "rpo_bands": "period or date -> band -> what of that day's RPO is planned for it",
    "commands": "commands of the kinds that the list names, in order",
    "exceptions": "reason codes in the order first raised, all of them",
}
"""Part of ``expect`` -> what it compares."""

KEYS = {
    "scenario": "unique name",
    "kind": "topic, the file's name by default",
    "source": "{title, url, ref} of the figures",
    "derived": "true: the figures follow from the cited rule and are not published",
    "note": "which reading was taken, what is left out",
    "policy": "switches, for every entity",
    "currency": "of contracts that name none; USD",
    "entities": "code -> {functional, calendar}; the first is the contracting entity; none: US in USD, or in `currency` where nothing is said of exchange",
    "calendars": "name -> months, or a list of {period, first, last}",
    "rates": "exchange rates {date, from, to, type, rate}",
    "ssp": "price book {po, effective, ssp, ssp_per}",
    "events": "events and control steps, in order of arrival",
    "expect": "what the books must show",
    "any_order": "true: in any order of arrival the figures are the same",
    "tolerance": "largest difference of one compared number, in major units",
}
"""Key of a scenario -> what it says."""
_REQUIRED = ("scenario", "events", "expect")
_NUMBER = re.compile(r"[-+]?(\d[\d_]*(\.\d*)?|\.\d+)([eE][-+]?\d+)?")
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_COLON = "mapping values are not allowed here"
"""What PyYAML says of a colon within a text, most of the time one in a note."""
_MAPPINGS = {
    "policy": None,
    "entities": None,
    "calendars": None,
    "source": None,
    "expect": tuple(PARTS),
}


@dataclass(frozen=True, slots=True)
class Scenario:
    """One scenario as loaded. ``data`` has known top-level keys of the right shape; events are read in ``facts_of``."""

    name: str
    spot: Spot
    data: Mapping[str, Any]

    @property
    def currency(self) -> str:
        """Currency of contracts that name none."""
        return str(self.data.get("currency", "USD"))

    @property
    def entities(self) -> Mapping[str, Mapping[str, Any]]:
        """Entity -> its description; the first one contracts."""
        stated = self.data.get("entities")
        return stated or {"US": {"functional": "USD"}}

    @property
    def steps(self) -> list[Mapping[str, Any]]:
        """Events and control steps as stated."""
        return list(self.data["events"])

    @property
    def expect(self) -> Mapping[str, Any]:
        """Parts of the expectation."""
        return dict(self.data["expect"])


def read_paths(paths: Iterable[Path]) -> list[Scenario | ScenarioWrong]:
    """Scenarios of files, and of all ``*.yaml`` below folders; what cannot be read stands in its place."""
    found: list[Scenario | ScenarioWrong] = []
    for path in paths:
        files = sorted((*path.rglob("*.yaml"), *path.rglob("*.yml"))) if path.is_dir() else [path]
        if not files:
            found.append(Spot(str(path)).wrong("holds no *.yaml file; name a file or a folder of scenarios"))
        for file in files:
            try:
                text = file.read_text(encoding="utf-8")
            except (OSError, UnicodeDecodeError) as error:
                reason = error.strerror if isinstance(error, OSError) else "it is no UTF-8 text"
                found.append(Spot(str(file)).wrong(f"cannot be read: {reason}"))
            else:
                found += read_text(text, str(file))
    return _unique(found)


def read_text(text: str, file: str) -> list[Scenario | ScenarioWrong]:
    """Scenarios of one file's text."""
    spot = Spot(file)
    try:
        return [
            _scenario(data, spot.item(place)) for place, data in enumerate(spot.items(_parsed(text, spot)))
        ]
    except ScenarioWrong as wrong:
        return [wrong]


def _scenario(data: Any, spot: Spot) -> Scenario | ScenarioWrong:
    """One scenario, or what is wrong with it; the others of its file may be right."""
    try:
        named = spot.a_map(data).get("scenario")
        spot = Spot(spot.file, spot.key("scenario").text(named) if named is not None else spot.path)
        spot.mapping(data, KEYS)
        for key in _REQUIRED:
            if data.get(key) is None:
                raise spot.wrong(f"has no {key!r}: {KEYS[key]}")
        for key, names in _MAPPINGS.items():
            if key in data:
                below = spot.key(key)
                below.a_map(data[key]) if names is None else below.mapping(data[key], names)
        for key in ("rates", "ssp", "events"):
            for place, each in enumerate(spot.key(key).items(data.get(key, []))):
                spot.key(key).item(place).a_map(each)
        for key in ("derived", "any_order"):
            spot.key(key).flag(data.get(key, False))
        return Scenario(spot.scenario, spot, data)
    except ScenarioWrong as wrong:
        return wrong


def _unique(found: list[Scenario | ScenarioWrong]) -> list[Scenario | ScenarioWrong]:
    """A name that is used twice is an error at its second place."""
    first: dict[str, Spot] = {}
    checked: list[Scenario | ScenarioWrong] = []
    for each in found:
        if isinstance(each, Scenario):
            if each.name in first:
                checked.append(each.spot.wrong(f"the name is used before, in {first[each.name].file}"))
                continue
            first[each.name] = each.spot
        checked.append(each)
    return checked


class YamlMissing(Exception):  # noqa: N818 - says what is missing on this machine
    """PyYAML, an optional dependency, is not installed."""


def _parsed(text: str, spot: Spot) -> Any:
    try:
        import yaml  # noqa: PLC0415 - an extra that only scenarios need
    except ImportError:
        raise YamlMissing(
            "scenarios are YAML files and PyYAML is not installed: pip install 'tieout[scenario]'"
        ) from None
    try:
        return yaml.load(text, Loader=_loader())  # noqa: S506 - a SafeLoader with fewer types
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        problem = getattr(error, "problem", None) or str(error)
        if problem == _COLON:
            problem += "; a text with a colon and a space in it stands in quotes"
        raise spot.wrong(f"{where}{problem}") from None
    except (ValueError, ArithmeticError, RecursionError) as error:
        raise spot.wrong(f"a value cannot be read: {error}") from None


@cache
def _loader() -> Any:
    """A safe loader: decimals for numbers, dates for full ISO dates, true and false alone for flags, each key once."""
    import yaml  # noqa: PLC0415 - an extra that only scenarios need

    class Loader(yaml.SafeLoader):
        yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 - PyYAML's own form

        def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
            self.flatten_mapping(node)
            found: dict[Any, Any] = {}
            for key_node, value_node in node.value:
                key = self.construct_object(key_node, deep=True)
                if not isinstance(key, str | dt.date | Decimal):
                    raise _problem("a key must be a text, a date or a number", key_node)
                key = str(key) if isinstance(key, Decimal) else key
                if key in found:
                    raise _problem(f"the key {shown(key)} stands here twice", key_node)
                found[key] = self.construct_object(value_node, deep=deep)
            return found

    def _problem(what: str, node: Any) -> Exception:
        return yaml.constructor.ConstructorError(None, None, what, node.start_mark)

    def number(loader: Any, node: Any) -> Decimal:
        return Decimal(loader.construct_scalar(node))

    def day(loader: Any, node: Any) -> dt.date:
        try:
            return dt.date.fromisoformat(loader.construct_scalar(node))
        except ValueError:
            raise _problem(f"{node.value} is not a day of the calendar", node) from None

    flags = re.compile("true|false|True|False")
    for tag, pattern, starts in (
        ("bool", flags, "tTfF"),
        ("float", _NUMBER, "+-.0123456789"),
        ("timestamp", _DAY, "0123456789"),
        ("null", re.compile(r"~|null|"), ["~", "n", ""]),
        ("merge", re.compile("<<"), "<"),
    ):
        whole = re.compile(f"^(?:{pattern.pattern})$")
        Loader.add_implicit_resolver(f"tag:yaml.org,2002:{tag}", whole, list(starts))
    Loader.add_constructor("tag:yaml.org,2002:float", number)
    Loader.add_constructor("tag:yaml.org,2002:timestamp", day)
    Loader.add_constructor("tag:yaml.org,2002:str", _text)
    return Loader


def _text(loader: Any, node: Any) -> str | dt.date:
    """A text; a day in quotes is that day, because tools that write YAML put it in quotes."""
    stated = str(loader.construct_scalar(node))
    if _DAY.fullmatch(stated):
        with suppress(ValueError):
            return dt.date.fromisoformat(stated)
    return stated
