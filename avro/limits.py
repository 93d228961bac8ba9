"""How much one value may hold: its bytes, and the items of each of its lists (``maxItems``).

Avro bounds nothing, so a short value can name a long list. Invariant: ``check`` passes only a value in which every
list, at any depth, is within its schema's limit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tieout.avro.shapes import Items, Optional, Record, Shape

MAX_VALUE_BYTES = 1 << 20
"""One value, framed. Kafka's own default limit of a record batch, and four times the largest row we keep."""


class TooManyItems(ValueError):  # noqa: N818 - the codec turns it into a reason of this name
    """A list is longer than its limit; names the field and both numbers."""


@dataclass(frozen=True, slots=True)
class ItemLimits:
    """Limits below one record: lists (field, most items, limits of an item) and nested records (field, limits)."""

    lists: tuple[tuple[str, int, ItemLimits | None], ...]
    records: tuple[tuple[str, ItemLimits], ...]

    @classmethod
    def of(cls, shape: Record) -> ItemLimits | None:
        """The limits of a record's lists; None where it holds none, at any depth."""
        lists: list[tuple[str, int, ItemLimits | None]] = []
        records: list[tuple[str, ItemLimits]] = []
        for field, declared in shape.fields:
            kind = declared.value if isinstance(declared, Optional) else declared
            if isinstance(kind, Items):
                lists.append((field, kind.most, _of_item(kind.item)))
            else:
                nested = _of_item(kind)
                if nested is not None:
                    records.append((field, nested))
        return cls(tuple(lists), tuple(records)) if lists or records else None

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


def _of_item(shape: Shape) -> ItemLimits | None:
    return ItemLimits.of(shape) if isinstance(shape, Record) else None
