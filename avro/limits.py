"""How many items each list of a schema may hold (``maxItems``), compiled once per schema.

Avro bounds nothing, so a short value can name a long list. Invariant: ``check`` passes only a value in which every
list, at any depth, is within its schema's limit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


class TooManyItems(ValueError):  # noqa: N818 - the codec turns it into a reason of this name
    """A list is longer than its limit; names the field and both numbers."""


@dataclass(frozen=True, slots=True)
class ItemLimits:
    """Limits below one record: lists (field, most items, limits of an item) and nested records (field, limits)."""

    lists: tuple[tuple[str, int, ItemLimits | None], ...]
    records: tuple[tuple[str, ItemLimits], ...]

    @classmethod
    def of(cls, resolved: Mapping[str, Any]) -> ItemLimits:
        """Compile a self-contained record schema. A list without ``maxItems`` is a KeyError: the lint comes first."""
        return _compile(resolved, {}) or cls((), ())

    @property
    def bounds_anything(self) -> bool:
        """Whether the record holds a list at any depth."""
        return bool(self.lists or self.records)

    def check(self, value: Mapping[str, Any]) -> None:
        """Raises TooManyItems at the first list that is too long."""
        for field, most, item_limits in self.lists:
            items = value[field]
            if items is None:
                continue
            if len(items) > most:
                raise TooManyItems(f"{field} has {len(items)} items, at most {most} are allowed")
            if item_limits is not None:
                for item in items:
                    item_limits.check(item)
        for field, nested in self.records:
            inner = value[field]
            if inner is not None:
                nested.check(inner)


def _compile(record: Mapping[str, Any], named: dict[str, ItemLimits | None]) -> ItemLimits | None:
    lists: list[tuple[str, int, ItemLimits | None]] = []
    records: list[tuple[str, ItemLimits]] = []
    for field in record["fields"]:
        for branch in _branches(field["type"]):
            if isinstance(branch, dict) and branch["type"] == "array":
                inner = _named(branch["items"], named)
                lists.append((field["name"], branch["maxItems"], inner))
            else:
                nested = _named(branch, named)
                if nested is not None:
                    records.append((field["name"], nested))
    limits = ItemLimits(tuple(lists), tuple(records)) if lists or records else None
    named[f"{record['namespace']}.{record['name']}"] = limits
    return limits


def _branches(kind: Any) -> list[Any]:
    return kind if isinstance(kind, list) else [kind]


def _named(kind: Any, named: dict[str, ItemLimits | None]) -> ItemLimits | None:
    if isinstance(kind, str):
        return named.get(kind)
    if kind["type"] == "record":
        return _compile(kind, named)
    return None
