"""Goal: a walk is of the rows as they were, and looks at no row before its turn. Method: a model, and keys that count."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tieout.streams.engine.rows import Overlay
from tieout.tables.ordered_rows import OrderedRows
from tieout.tables.store import MemoryStore

KEYS = st.binary(min_size=1, max_size=2)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), KEYS, st.integers()),
        st.tuples(st.just("remove"), KEYS),
        st.tuples(st.just("walk"), KEYS, KEYS),
        st.tuples(st.just("next"), st.integers(0, 5)),
    ),
    max_size=40,
)


@given(STEPS)
def test_every_walk_gives_the_rows_as_they_were_when_it_was_asked_for(steps):
    rows: OrderedRows[int] = OrderedRows()
    model: dict[bytes, int] = {}
    walks = []
    for kind, *of in steps:
        if kind == "put":
            rows.put(of[0], of[1])
            model[of[0]] = of[1]
        elif kind == "remove":
            rows.remove(of[0])
            model.pop(of[0], None)
        elif kind == "walk":
            prefix, start = of
            wanted = sorted(row for row in model.items() if row[0].startswith(prefix) and row[0] >= start)
            walks.append((rows.walk(prefix, start), wanted))
        elif of[0] < len(walks):
            walk, wanted = walks[of[0]]
            assert next(walk, None) == (wanted.pop(0) if wanted else None)
    assert rows.rows == model
    for walk, wanted in walks:
        assert list(walk) == wanted


class Counted(bytes):
    """A key that counts how many of its kind a walk has looked at."""

    looks = 0

    def startswith(self, *arguments) -> bool:
        Counted.looks += 1
        return super().startswith(*arguments)


def ordered(rows):
    made: OrderedRows[bytes] = OrderedRows()
    for key, value in rows.items():
        made.put(key, value)
    return made.walk


def stored(rows):
    store = MemoryStore()
    store.write(rows)
    return store.scan


def overlaid(rows):
    overlay = Overlay(MemoryStore(), lambda output: None, 1000)
    for key, value in rows.items():
        overlay.put(key, value)
    return overlay.scan


@pytest.mark.parametrize("scan_of", [ordered, stored, overlaid])
def test_the_first_row_costs_a_look_at_no_other(scan_of):
    scan = scan_of({Counted(b"g%05d" % n): b"v" for n in range(500)})
    Counted.looks = 0
    assert next(scan(b"g", b"g00250")) == (b"g00250", b"v")
    assert Counted.looks <= 2


def test_rows_are_copied_for_a_walk_that_runs_and_for_none_that_has_ended():
    rows: OrderedRows[int] = OrderedRows()
    for number in range(3):
        rows.put(b"a%d" % number, number)
    kept = rows.rows
    assert next(rows.walk(b"a")) == (b"a0", 0)
    assert len(list(rows.walk(b"a"))) == 3
    rows.put(b"a3", 3)
    assert rows.rows is kept
    running = rows.walk(b"a")
    rows.put(b"a4", 4)
    assert rows.rows is not kept
    changed = rows.rows
    rows.remove(b"a0")
    assert rows.rows is changed, "a walk that was left behind is left behind once"
    assert len(list(running)) == 4
