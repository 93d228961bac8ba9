"""Records of any shape from a seed, a million in minutes, and damage to their bytes: material to compare codecs with.

Hypothesis finds the smallest example but is too slow for a million. Invariant: one seed is one sequence of records, and
every value is within its bounds, its edges included.
"""

import random

from tieout.avro.shapes import Fixed, Flag, Items, Optional, Record, Shape, Text

ALPHABETS = (
    "abcdefghijklmnopqrstuvwxyz0123456789-_/:. ",
    "äöüß€Ω漢字",
    '\x00\x1f"\\\n\t\x7f\u2028\uffff\U0001f600\U0010ffff',
)


class Records:
    """One seeded source of records, values and damage."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)

    def of(self, shape: Record, most: int = 3, **given):
        """A record of the shape; ``given`` fixes fields of it or of its envelope."""
        values = {
            name: given[name] if name in given else self.value(kind, most, given)
            for name, kind in shape.fields
        }
        return shape.struct(**values)

    def value(self, shape: Shape, most: int, given):
        match shape:
            case Record():
                return self.of(shape, most, **(given if shape.struct.__name__ == "Envelope" else {}))
            case Optional(value):
                return None if self.chance.random() < 0.4 else self.value(value, most, given)
            case Items(item, limit, kind):
                found = [
                    self.value(item, most, given) for _ in range(self.chance.randint(0, min(most, limit)))
                ]
                return tuple(found) if kind == "tuple" else found
        return self.leaf(shape)

    def leaf(self, shape: Shape):
        match shape:
            case Text(low, high):
                return self.text(low, 256 if high is None else high)
            case Flag():
                return self.chance.random() < 0.5
            case Fixed(size):
                return self.chance.randbytes(size)
        return self.whole(shape.low, shape.high)

    def text(self, low: int, high: int) -> str:
        roll = self.chance.random()
        alphabet = ALPHABETS[0] if roll < 0.8 else ALPHABETS[1] if roll < 0.9 else ALPHABETS[2]
        size = low if roll < 0.05 else high if roll > 0.995 else self.chance.randint(low, min(high, low + 16))
        return "".join(self.chance.choices(alphabet, k=size))

    def whole(self, low: int, high: int) -> int:
        roll = self.chance.random()
        if roll < 0.1:
            return self.chance.choice((low, high))
        near = 1 << self.chance.randint(1, 62)
        return min(high, max(low, self.chance.randint(-near, near)))

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
