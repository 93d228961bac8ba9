"""State size: what a contract takes in the state store, by kind of row, with ids of 36 characters.

    make bench-state_size                           # writes benchmarks/results/state_size.json

Bytes of the rows that the agent writes, after a revenue run at the end of every month; a plain year in one, four and
twelve paid invoices, and three years of a ramp with ten promises, 36 invoices, payments and months of usage. The same
figures in every run. *Floor*: the distinct texts and the amounts of the events that were told, as bytes.
"""

from __future__ import annotations

import argparse
import datetime as dt
from collections.abc import Iterator
from typing import Any

from measuring import results
from measuring.typical_contracts import Event, annual, ramp, row_bytes

_NUMBER_BYTES = 4


def floor_bytes(events: list[Event]) -> int:
    """Every text once, every number and day in four bytes."""
    texts: set[str] = set()
    numbers = 0
    for value in _leaves(events):
        if isinstance(value, str):
            texts.add(value)
        else:
            numbers += 1
    return sum(len(text) for text in texts) + numbers * _NUMBER_BYTES


def _leaves(value: Any) -> Iterator[str | int | dt.date]:
    if isinstance(value, dict):
        for key, each in value.items():
            yield from _leaves(each)
            if isinstance(key, str) and key not in _WORDS:
                yield key
    elif isinstance(value, list):
        for each in value:
            yield from _leaves(each)
    else:
        yield value


_WORDS = frozenset(
    [
        "at",
        "type",
        "price",
        "lines",
        "po",
        "measure",
        "from",
        "to",
        "id",
        "amount",
        "invoice",
        "price_change",
        "add",
        "ssp",
        "ssp_per",
        "qty",
        "meter",
        "unit_price",
    ]
)
"""Names of fields: they are no content."""


def main() -> None:
    """Measure, write the file."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="the same: nothing here is repeated")
    options = parser.parse_args()
    told = {
        "a plain year, one invoice": annual(1),
        "a plain year, four invoices": annual(4),
        "a plain year, twelve invoices": annual(12),
        "three years of a ramp with usage": ramp(),
    }
    medians: dict[str, dict[str, Any]] = {}
    for name, events in told.items():
        rows = row_bytes(events)
        medians[name] = {"bytes": sum(rows.values()), "floor": floor_bytes(events), **rows}
    results.write(
        "state_size",
        options=vars(options),
        medians=medians,
        ratio_to_floor={name: round(row["bytes"] / row["floor"], 2) for name, row in medians.items()},
        runs=[{"name": name, **row} for name, row in medians.items()],
    )


if __name__ == "__main__":
    main()
