"""Goal: no release forgets how to read what an earlier one wrote. The rows of each are kept; see state_of_a_release.py."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest
from msgspec.structs import replace

from tieout.streams.engine.positions import decode_position, decode_store_mark, encode
from tieout.tables import keys
from tieout.tables.codec import OLDEST_WRITTEN, STATE_VERSION
from tieout.tables.contract import Course
from tieout.tables.group_rows import state_from_rows
from tieout.tables.totals import Totals

HERE = Path(__file__).parent
_SPEC = importlib.util.spec_from_file_location("state_of_a_release", HERE / "state_of_a_release.py")
release = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(release)

FILES = sorted((HERE / "state").glob("version-*.json"))
LATER_MS = 100_000_000


def unhex(pairs):
    return [tuple(None if part is None else bytes.fromhex(part) for part in pair) for pair in pairs]


@pytest.fixture(params=FILES, ids=lambda path: path.stem)
def kept(request):
    document = json.loads(request.param.read_text())
    document |= {name: unhex(document[name]) for name in ("inbox", "contracts", "then", "control")}
    document["reference"] = [bytes.fromhex(row) for row in document["reference"]]
    return document


@pytest.fixture
def afresh(kept):
    """What this release makes of the same inbox."""
    harness = release.contracts(kept["reference"])
    release.feed(harness, kept["inbox"], 1_000)
    return harness


def test_there_is_a_file_for_each_version_that_was_released():
    """The one that is being made has its file when it is done: until then each change of a row would change it."""
    versions = {json.loads(path.read_text())["state_version"] for path in FILES}
    assert versions >= set(range(OLDEST_WRITTEN, STATE_VERSION)), "write the missing one: see the script"


def test_a_kept_file_has_rows_of_every_kind(kept):
    rows = [key for key, _ in kept["contracts"]]
    of_groups = [key.split(b"\0", 2)[2] for key in rows if key.startswith(keys.GROUP_ROWS)]
    assert {row[:1] for row in of_groups} == {keys.IDENTITY, keys.HELD, keys.PARKED, keys.STATE}
    assert {row[1:2] for row in of_groups if row.startswith(keys.STATE)} == {
        b"g",
        b"t",
        b"b",
        b"l",
        b"f",
        b"u",
    }
    partition = {key[:2] for key in rows if key.startswith(keys.PARTITION_ROWS)}
    assert partition == {keys.CONTROL_ROWS, keys.SWEEP_ROW, keys.TIMER_ROWS, keys.TOTALS_ROW}


def test_on_the_rows_of_a_released_version_this_release_says_what_it_says_on_its_own(kept, afresh):
    reopened = release.contracts(kept["reference"], dict(kept["contracts"]), 999 + len(kept["inbox"]))
    reopened.log.extend(afresh.log)
    said_before = len(afresh.outputs)
    afresh.crash()
    for harness in (reopened, afresh):
        release.feed(harness, kept["then"], LATER_MS)
    assert len(reopened.outputs) > 20
    assert reopened.outputs == afresh.outputs[said_before:]
    assert understood(release.rows_of(reopened)) == understood(release.rows_of(afresh))


def understood(rows):
    """Rows by key, those of a group's state as what they say: which version wrote them, and caches, are left out.

    So is what lines state beyond a plain promise, the price of a unit of usage for one, and how far contracts came in their
    ERP: version 1 kept none of it.
    """
    states, others = {}, {}
    for key, value in rows.items():
        prefix = keys.group_prefix(*keys.group_of(key)) if key.startswith(keys.GROUP_ROWS) else None
        kind = None if prefix is None else key[len(prefix) : len(prefix) + 1]
        if kind == keys.STATE:
            states.setdefault(prefix, []).append((key[len(prefix) + 1 :], value))
        else:
            others[key] = without_feedback(value) if key == keys.TOTALS_ROW else value
    return others, {
        prefix: plain(replace(state_from_rows(of_group), layers=())) for prefix, of_group in states.items()
    }


def without_feedback(row):
    totals = Totals(row)
    totals.emitted = {kind: n for kind, n in totals.emitted.items() if not kind.startswith("feedback.")}
    return totals.row()


def plain(state):
    terms = tuple(
        replace(each, add=tuple(replace(item, special=None) for item in each.add))
        for each in state.facts.terms
    )
    contracts = tuple(replace(each, course=Course()) for each in state.group.contracts)
    group = replace(state.group, contracts=contracts)
    return replace(state, group=group, facts=replace(state.facts, terms=terms))


def test_a_request_that_an_earlier_release_left_open_is_repeated_where_it_is_missing(kept):
    reopened, own = release.control(dict(kept["control"])), release.control()
    release.asked_for(own, "r1")
    said_before = len(own.outputs)
    for harness in (reopened, own):
        release.asked_for(harness, "r2")
    assert reopened.outputs == own.outputs[said_before:] != []
    assert release.rows_of(reopened) == release.rows_of(own)


def test_position_and_mark_of_a_released_version_are_read(kept):
    assert decode_position(bytes.fromhex(kept["position"])) == release.POSITION
    assert decode_store_mark(bytes.fromhex(kept["mark"])) == release.MARK


def test_rows_of_this_version_are_what_they_were_when_it_was_kept(kept, afresh):
    """A row that changes its bytes needs another version, unless this one was never released."""
    if kept["state_version"] != STATE_VERSION:
        pytest.skip("an earlier version")
    assert release.rows_of(afresh) == dict(kept["contracts"])
    assert encode(release.POSITION).hex() == kept["position"]
    assert encode(release.MARK).hex() == kept["mark"]
