"""The weights that are kept add up to what the rows themselves would."""

from __future__ import annotations

import random

from tieout.streams.engine.positions import Digest, row_weight
from tieout.streams.engine.weights import Weights


def total(rows: dict[bytes, bytes]) -> int:
    return Digest.of(sum(row_weight(key, value) for key, value in rows.items())).value


def test_however_rows_change_the_kept_weights_add_up_to_the_rows():
    chance, weights = random.Random(3), Weights(most=20)
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
    weights, read = Weights(most=10), []
    weights.change({b"k": b"1"}, read.append)
    weights.change({b"k": b"2"}, read.append)
    assert read == [b"k"]


def test_the_weights_stay_within_two_generations():
    weights = Weights(most=10)
    for number in range(1_000):
        weights.change({b"%d" % number: b"v"}, lambda _: None)
        assert len(weights._young) + len(weights._old) <= 21
