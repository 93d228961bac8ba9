"""Goal: the compiled codec is the reference, only faster. Method: both on the same records and on the same damage."""

import itertools

import msgspec
import pytest
from core.records_by_chance import Records

from tieout.avro import canonical
from tieout.avro.catalogue import EVENT_TYPES, RECORDS
from tieout.avro.record_codec import CodecMissing, record_codec
from tieout.avro.refusals import Undecodable
from tieout.avro.shapes import shape_of

EVENT_TYPE_OF = {event.record: event.name for event in EVENT_TYPES.values()}


class Pair:
    """Both codecs of one record type."""

    def __init__(self, schema, struct, record=None):
        self.shape = shape_of(schema, struct)
        self.given = {"event_type": EVENT_TYPE_OF[record]} if record in EVENT_TYPE_OF else {}
        self.reference = record_codec(schema, struct, "fastavro")
        try:
            self.compiled = record_codec(schema, struct, "compiled")
        except CodecMissing as missing:
            pytest.skip(str(missing))

    def example(self, chance, most=3):
        return chance.of(self.shape, most, **self.given)


@pytest.fixture(scope="module")
def pairs(files):
    return [
        Pair(files.resolve(record, files.locked(record)[-1].version), RECORDS[record].struct, record)
        for record in sorted(RECORDS)
    ]


def outcome(codec, value):
    """(what was read, None) or (None, the refusal)."""
    try:
        return codec.decode(value), None
    except Undecodable as refused:
        return None, refused


def told_apart(message):
    """Bytes that differ where == does not: True and 1, a tuple and a list are not the same answer."""
    return msgspec.msgpack.encode(message), type(message)


def agree_on_records(pairs, count, seed):
    chance = Records(seed)
    for pair in itertools.islice(itertools.cycle(pairs), count):
        message = pair.example(chance)
        value = pair.reference.encode(message)
        assert pair.compiled.encode(message) == value, message
        if pair.given:
            assert canonical._compiled.of(message) == canonical._reference_text(message), message
        compiled = pair.compiled.decode(value)
        assert compiled == message
        assert told_apart(compiled) == told_apart(pair.reference.decode(value))


def agree_on_damage(pairs, count, seed):
    """How often both refused, for the same reason."""
    chance, refused = Records(seed), 0
    other = b""
    for pair in itertools.islice(itertools.cycle(pairs), count):
        whole = pair.reference.encode(pair.example(chance))
        value = chance.damaged(whole, other, 0)
        other = whole
        expected, compiled = outcome(pair.reference, value), outcome(pair.compiled, value)
        assert same(expected, compiled), (value.hex(), expected, compiled)
        refused += compiled[1] is not None
    return refused


def same(expected, compiled):
    if expected[1] is None or compiled[1] is None:
        return expected[1] is compiled[1] and told_apart(expected[0]) == told_apart(compiled[0])
    return expected[1].reason == compiled[1].reason


def test_both_write_the_same_bytes_and_hashes_and_read_the_same_records(pairs):
    agree_on_records(pairs, 20_000, seed=1)


@pytest.mark.full
@pytest.mark.parametrize("seed", range(100, 110))
def test_both_write_the_same_bytes_and_hashes_and_read_the_same_records_a_million_times(pairs, seed):
    agree_on_records(pairs, 100_000, seed)


def test_both_refuse_the_same_damage_for_the_same_reason(pairs):
    assert agree_on_damage(pairs, 20_000, seed=3) > 10_000


@pytest.mark.full
@pytest.mark.parametrize("seed", range(200, 210))
def test_both_refuse_the_same_damage_for_the_same_reason_a_million_times(pairs, seed):
    agree_on_damage(pairs, 100_000, seed)
