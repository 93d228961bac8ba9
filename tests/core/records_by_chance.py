"""Records of any shape from a seed, a million in minutes, and damage to their bytes: material to compare codecs with.

Hypothesis finds the smallest example but is too slow for a million. Invariant: one seed is one sequence of records, and
every value is within its bounds, its edges included.
"""

import random

from tieout.avro.shapes import Fixed, Flag, Items, Optional, Record, Shape, Text, Whole

ALPHABETS = (
    "abcdefghijklmnopqrstuvwxyz0123456789-_/:. ",
    "äöüß€Ω漢字a",
    '\x00\x1f"\\\n\t\x7f\u2028\uffff\U0001f600\U0010ffff',
)
POOL = 4_096
"""Characters of each alphabet in a row; a text is a piece of it, because joining choices one by one takes ten times as long."""
LONG = 256
"""Characters of the longest text where the shape names no limit."""


class Records:
    """One seeded source of records, values and damage."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self._next = self.chance.random
        self._pools = ["".join(self.chance.choices(alphabet, k=POOL + LONG)) for alphabet in ALPHABETS]

    def of(self, shape: Record, most: int = 3, **given):
        """A record of the shape; ``given`` fixes fields of its envelope."""
        return shape.struct(
            *[given[name] if name in given else self.value(kind, most, given) for name, kind in shape.fields]
        )

    def value(self, shape: Shape, most: int, given):
        kind = type(shape)
        if kind is Optional:
            return None if self._next() < 0.4 else self.value(shape.value, most, given)
        if kind is Items:
            count = int(self._next() * (min(most, shape.most) + 1))
            return tuple([self.value(shape.item, most, given) for _ in range(count)])
        if kind is Record:
            return self.of(shape, most, **(given if shape.struct.__name__ == "Envelope" else {}))
        return self.leaf(shape)

    def leaf(self, shape: Shape):
        kind = type(shape)
        if kind is Text:
            return self.text(shape.low, LONG if shape.high is None else shape.high)
        if kind is Whole:
            return self.whole(shape.low, shape.high)
        if kind is Fixed:
            return self.chance.randbytes(shape.size)
        assert kind is Flag, shape
        return self._next() < 0.5

    def text(self, low: int, high: int) -> str:
        roll = self._next()
        pool = self._pools[0 if roll < 0.8 else 1 if roll < 0.9 else 2]
        spread = min(high - low, 16)
        size = low if roll < 0.05 else high if roll > 0.995 else low + int(self._next() * (spread + 1))
        start = int(self._next() * POOL)
        return pool[start : start + size]

    def whole(self, low: int, high: int) -> int:
        roll = self._next()
        if roll < 0.1:
            return low if roll < 0.05 else high
        near = 1 << int(1 + self._next() * 62)
        return min(high, max(low, int((self._next() * 2 - 1) * near)))

    def damaged(self, value: bytes, other: bytes, head: int) -> bytes:
        """The value with one thing done to it after its first ``head`` bytes."""
        at = self.chance.randrange(head, len(value)) if len(value) > head else head
        match self.chance.randrange(6):
            case 0:
                return value[:at]
            case 1:
                return (
                    value[:at]
                    + bytes([value[at % len(value)] ^ 1 << self.chance.randrange(8)])
                    + value[at + 1 :]
                )
            case 2:
                return value[:at] + other[self.chance.randrange(head, len(other) + 1) :]
            case 3:
                return value[:at] + self.chance.choice(PLANTED) + value[at:]
            case 4:
                return value[:at] + self.chance.choice(PLANTED) + value[at + 1 :]
        return value + self.chance.randbytes(self.chance.randint(1, 4))


PLANTED = (
    b"\xff" * 12,
    b"\xff" * 9 + b"\x01",
    b"\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01",
    b"\x01",
    b"\x03\x08",
    b"\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01",
    b"\x80",
    b"\x04\xc3\x28",
    b"\x06\xed\xa0\x80",
    b"\xfe\xff\xff\xff\x0f",
    b"\xfe\xff\xff\xff\x7f",
    b"\x00",
)
"""Numbers at and over 64 and 32 bits, negative and sized counts, text that is no UTF-8, half a number."""
