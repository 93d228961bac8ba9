"""The format in words: every key that a scenario may have, from the tables that read them.

Invariant: generated from what the runner reads by, so that the documentation knows neither more nor less than it does.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from tieout.streams.operate.scenario.admin_events import ADMIN
from tieout.streams.operate.scenario.billing_events import BILLING
from tieout.streams.operate.scenario.erp_events import ERP
from tieout.streams.operate.scenario.event_map import EventMap
from tieout.streams.operate.scenario.facts_of import COMMON, CONTROLS
from tieout.streams.operate.scenario.fields import Default, Field
from tieout.streams.operate.scenario.lines import LINE_FIELDS
from tieout.streams.operate.scenario.loading import KEYS, PARTS
from tieout.streams.operate.scenario.performance_events import PERFORMANCE
from tieout.streams.operate.scenario.reading import BALANCES
from tieout.streams.operate.scenario.setting import CLASSES, SWITCHES
from tieout.streams.operate.scenario.version_events import CORRECTIONS, VERSIONS

_FAMILIES: Mapping[str, tuple[EventMap, ...]] = {
    "Versions of a contract": VERSIONS,
    "Corrections, prices and estimates": CORRECTIONS,
    "Documents and cash": BILLING,
    "Delivery, work and usage": PERFORMANCE,
    "People and other systems": ADMIN,
    "The ERP": ERP,
}


def described() -> Iterator[str]:
    """Markdown lines: every key, in the order in which a scenario is written."""
    yield "### Keys of a scenario"
    yield from _words(("key", "meaning"), KEYS)
    yield "### Control steps"
    yield from _words(("step", "meaning"), CONTROLS)
    yield "### Keys of every event"
    yield from _words(("key", "meaning"), COMMON)
    for family, rows in _FAMILIES.items():
        yield f"### {family}"
        yield from _table(
            ("type", "meaning", "keys (default)"),
            ((f"`{row.type}`", row.words, _keys(row)) for row in rows),
        )
    yield "### Keys of a line"
    yield from _table(
        ("key", "value", "meaning"),
        ((f"`{each.key}`", each.kind.words, each.words) for each in LINE_FIELDS),
    )
    yield "### Parts of `expect`"
    yield from _words(("part", "meaning"), PARTS)
    yield f"Balances: {_list(BALANCES)}."
    yield ""
    yield f"Classes: {_list(CLASSES)}; a contra revenue class is `contra_revenue.NAME`."
    yield ""
    yield f"Policy switches: {_list(sorted(SWITCHES))}, and `credit_effect.REASON: {{reach, contra}}`."


def _keys(row: EventMap) -> str:
    """Own keys of an event; an ``id`` that has its usual default is among the common ones."""
    return ", ".join(_key(each) for each in row.fields if each.default is not Default.ID) or "none"


def _key(field: Field) -> str:
    match field.default:
        case Default.REQUIRED:
            return f"**`{field.key}`**"
        case Default.AT:
            return f"`{field.key}` ({field.default.value})"
        case Default.OMIT | None:
            return f"`{field.key}`"
        case bool():
            return f"`{field.key}` ({str(field.default).lower()})"
        case value:
            return f"`{field.key}` ({value})" if value != "" else f"`{field.key}`"


def _list(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _words(heads: tuple[str, str], words: Mapping[str, str]) -> Iterator[str]:
    return _table(heads, ((f"`{name}`", meaning) for name, meaning in words.items()))


def _table(heads: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    yield ""
    yield f"| {' | '.join(heads)} |"
    yield f"| {' | '.join('---' for _ in heads)} |"
    for row in rows:
        yield f"| {' | '.join(row)} |"
    yield ""
