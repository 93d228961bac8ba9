"""Goal: no bytes end decode otherwise than by a record or Undecodable, in bounded memory. Method: damage and bombs."""

import gc
import random
import struct
import sys
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tieout.avro import events
from tieout.avro.catalogue import RECORDS
from tieout.avro.codec import MAX_VALUE_BYTES, Undecodable
from tieout.avro.loading import packaged

MEBIBYTE = 1 << 20


def outcome(codec, value):
    """The reason, or None when the bytes were a record after all. Anything else fails the test."""
    try:
        codec.decode(value)
    except Undecodable as refused:
        return refused.reason
    return None


def example(any_record, record):
    """One example per record, the same in every run."""
    found = []

    @settings(max_examples=1, database=None, derandomize=True, deadline=None)
    @given(any_record(record, most=2))
    def keep(message):
        found.append(message)

    keep()
    return found[0]


@pytest.fixture(scope="module")
def samples(codec, any_record):
    return {record: codec.encode(example(any_record, record)) for record in sorted(RECORDS)}


def test_a_record_cut_at_any_byte_is_never_read(codec, samples):
    for record, value in samples.items():
        for length in range(len(value)):
            assert outcome(codec, value[:length]) in {"empty", "truncated"}, (record, length)


def test_bytes_after_the_record_are_never_ignored(codec, samples):
    for record, value in samples.items():
        assert outcome(codec, value + b"\x00") == "trailing_bytes", record


def test_any_flipped_bit_ends_in_a_record_or_a_reason(codec, samples):
    for value in samples.values():
        for position in range(len(value)):
            for bit in range(8):
                damaged = bytearray(value)
                damaged[position] ^= 1 << bit
                outcome(codec, bytes(damaged))


@settings(max_examples=300, deadline=None)
@given(st.sampled_from([entry.id for entry in packaged().lock]), st.binary(max_size=400))
def test_any_bytes_behind_a_known_schema_end_in_a_record_or_a_reason(codec, schema_id, body):
    outcome(codec, struct.pack(">BI", 0, schema_id) + body)


def test_a_record_spliced_with_another_ends_in_a_record_or_a_reason(codec, samples):
    chance = random.Random(7)
    values = list(samples.values())
    for _ in range(2_000):
        one, other = chance.choice(values), chance.choice(values)
        outcome(codec, one[: chance.randrange(len(one))] + other[chance.randrange(len(other)) :])


def long(number):
    """Avro's zig-zag variable-length integer."""
    number = ((number << 1) ^ (number >> 63)) & (2**64 - 1)
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])


def amendment_head():
    """A framed amendment up to its first list."""
    text = b"\x02x"
    event_type = long(16) + b"contract_amended"
    envelope = (
        text + event_type + text * 3 + long(1) + text * 4 + long(0) * 3 + text * 3 + b"\x00" + bytes(16)
    )
    return struct.pack(">BI", 0, 101) + envelope + long(0) + text + b"\x00" + long(0)


def filled(head, item, tail=b""):
    room = (MAX_VALUE_BYTES - len(head) - len(tail) - 10) // len(item)
    return head + long(room) + item * room + tail


SMALLEST_LINE = bytes(29)
BLOCK = long(1) + SMALLEST_LINE
BOMBS = {
    "a list of 2**62 items": (amendment_head() + long(2**62), "truncated"),
    "a sized block of 2**62 items": (amendment_head() + long(-(2**62)) + long(5), "truncated"),
    "as many of the smallest lines as fit": (filled(amendment_head(), SMALLEST_LINE, b"\x00" * 14), None),
    "as many blocks of one line as fit": (
        amendment_head() + BLOCK * (MEBIBYTE // len(BLOCK) - 9),
        "truncated",
    ),
    "as many empty names as fit": (filled(amendment_head() + b"\x00" * 2, b"\x00", b"\x00" * 12), None),
    "a string of 2**40 bytes": (struct.pack(">BI", 0, 101) + long(2**40) + b"x", "truncated"),
    "a string of -5 bytes": (struct.pack(">BI", 0, 101) + long(-5) + b"x" * 50, None),
    "an integer of a million digits": (struct.pack(">BI", 0, 101) + b"\xff" * 1_000_000, None),
    "a count of half a million digits": (amendment_head() + b"\xff" * 500_000 + b"\x01", None),
    "bytes that are no UTF-8": (struct.pack(">BI", 0, 101) + long(4) + b"\xff\xfe\xfd\xfc", None),
}


def test_what_was_read_written_or_refused_leaves_nothing_in_memory(codec, samples):
    """A forgotten reference in the compiled codec shows as blocks that nobody frees."""
    chance = random.Random(8)
    values = [(value, value[: chance.randrange(5, len(value))], value + b"x") for value in samples.values()]

    def turn():
        for whole, cut, more in values:
            assert codec.encode(codec.decode(whole)) == whole
            assert outcome(codec, cut)
            assert outcome(codec, more)
            assert outcome(codec, whole[:5] + b"\xff" * 12)

    for _ in range(3):
        turn()
    gc.collect()
    before = sys.getallocatedblocks()
    for _ in range(50):
        turn()
    gc.collect()
    assert sys.getallocatedblocks() - before < 500


def test_the_amendment_of_the_bombs_is_one_when_its_lists_are_empty(codec):
    tail = b"\x00" * 4 + long(0) + b"\x00" + b"\x02x" + b"\x00\x01" + b"\x00" + b"\x00"
    assert isinstance(codec.decode(amendment_head() + tail), events.ContractAmended)


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_refused_in_bounded_memory(codec, name):
    value, expected = BOMBS[name]
    tracemalloc.start()
    try:
        reason = outcome(codec, value)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert reason is not None
    assert expected in (None, reason)
    assert peak < (MEBIBYTE if codec.implementation == "compiled" else 64 * MEBIBYTE)
