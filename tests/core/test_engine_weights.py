"""The weights that are kept add up to what the rows themselves would."""

from __future__ import annotations

import random
import tracemalloc

import pytest
from engine_world import SETTINGS, World, make_task

from tieout.streams.engine.limits import EngineSettings
from tieout.streams.engine.positions import Digest, row_weight
from tieout.streams.engine.weights import Weights
from tieout.streams.engine.worker import divided


def total(rows: dict[bytes, bytes]) -> int:
    return Digest.of(sum(row_weight(key, value) for key, value in rows.items())).value


def test_however_rows_change_the_kept_weights_add_up_to_the_rows():
    chance, weights = random.Random(3), Weights(60)
    rows = {b"old%d" % n: b"%d" % n for n in range(50)}
    kept = total(rows)
    for _ in range(5_000):
        key = b"old%d" % chance.randrange(90)
        after = None if chance.random() < 0.2 else b"%d" % chance.randrange(9)
        kept += weights.change({key: after}, rows.get)
        if after is None:
            rows.pop(key, None)
        else:
            rows[key] = after
        assert Digest.of(kept).value == total(rows)


def test_a_row_that_was_written_lately_is_not_read_again():
    weights, read = Weights(30), []
    weights.change({b"k": b"1"}, read.append)
    weights.change({b"k": b"2"}, read.append)
    assert read == [b"k"]


@pytest.mark.parametrize("rows", [1, 7, 29, 31, 500])
def test_a_partition_keeps_no_more_weights_than_its_share_however_large_its_transactions_are(rows):
    weights = Weights(30)
    for number in range(0, 1_000, rows):
        weights.change({b"%d" % each: b"v" for each in range(number, number + rows)}, lambda _: None)
        assert len(weights) <= 30
    assert len(weights) >= 9, "a share that is never used is no share"


def test_the_rows_that_were_written_last_are_those_that_are_kept():
    weights, read = Weights(30), []
    weights.change({b"%d" % each: b"v" for each in range(500)}, lambda _: None)
    weights.change({b"%d" % each: b"w" for each in range(480, 500)}, read.append)
    assert read == []


def test_a_smaller_share_holds_from_that_moment_and_the_sum_stays_right():
    weights, rows = Weights(3_000), {}
    kept = weights.change(first := {b"%d" % each: b"v" for each in range(900)}, rows.get)
    rows |= first
    weights.share(30)
    assert len(weights) <= 30
    kept += weights.change(second := {b"%d" % each: b"w" for each in range(450)}, rows.get)
    assert Digest.of(kept).value == total(rows | second)


def test_what_was_put_before_a_start_is_forgotten_with_it():
    weights = Weights(30)
    weights.change({b"k": b"never committed"}, lambda _: b"committed")
    weights.forget()
    added = weights.change({b"k": b"v"}, lambda _: b"committed")
    assert added == row_weight(b"k", b"v") - row_weight(b"k", b"committed")


@pytest.mark.parametrize("rows", [500, 40_000])
def test_a_weight_takes_no_more_memory_than_is_stated(rows):
    """All of a worker's budget in one partition, with the longest keys that the figure is stated for."""
    kept = 30_000
    weights, spare = Weights(kept), bytes(52)
    tracemalloc.start()
    try:
        for number in range(0, 4 * kept, rows):
            made = {spare + b"%08d" % each: b"v" for each in range(number, number + rows)}
            weights.change(made, lambda _: None)
            del made
            assert tracemalloc.get_traced_memory()[0] <= 180 * kept
    finally:
        tracemalloc.stop()
    assert EngineSettings().weights_kept * 180 <= 52 << 20, "as docs/operations.md says"


def test_the_agents_of_a_worker_divide_its_weights_and_queue_among_them():
    each = divided(SETTINGS, 3)
    assert 3 * each.weights_kept <= SETTINGS.weights_kept
    assert 3 * each.queue_bytes <= SETTINGS.queue_bytes


def test_partitions_divide_the_worker_s_weights_and_queue_among_them():
    tasks = [make_task(World())[0] for _ in range(8)]
    for task in tasks:
        task.share(8)
        task.weights.change({b"%d" % each: b"v" for each in range(SETTINGS.weights_kept)}, lambda _: None)
    assert sum(len(task.weights) for task in tasks) <= SETTINGS.weights_kept
    assert sum(task.inbox.share_bytes for task in tasks) <= SETTINGS.queue_bytes
