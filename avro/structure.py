"""What bytes must be before fastavro may read them: the structure that writers make, and nothing that only looks like it.

fastavro shifts a number's bits beyond 64 away, counts a negative branch from the end, reads 64 bits where 32 stand in the
schema, and ignores the size that a block states. A worker with a compiler would refuse what one without accepts, and a
replay on the other would give other books. Invariant: ``check`` passes what the compiled codec passes, lengths and bounds
of values aside, and refuses anything else for the same reason; tests/core/test_avro_differential.py compares them.
"""

from __future__ import annotations

from tieout.avro.refusals import REASONS, Undecodable
from tieout.avro.shapes import Fixed, Flag, Items, Optional, Record, Shape, Text, Whole

_NUMBER_BYTES_MAX = 10
_MORE_BYTES_FOLLOW = 0x80
_LEAST_COUNT = -(1 << 63)


def check(shape: Record, value: bytes, offset: int) -> bool:
    """Whether every ``int`` of the record from ``offset`` on has 32 bits. Raises Undecodable: the structure is another."""
    walk = _Walk(shape.name, value, offset)
    walk.record(shape)
    walk.end()
    return walk.fits


class _Walk:
    """A walk over one value that builds nothing. ``fits`` until an ``int`` has more than 32 bits."""

    __slots__ = ("_at", "_name", "_value", "fits")

    def __init__(self, name: str, value: bytes, offset: int) -> None:
        self._name, self._value, self._at = name, value, offset
        self.fits = True

    def record(self, shape: Record) -> None:
        for _, kind in shape.fields:
            self._place(kind)

    def end(self) -> None:
        if self._at != len(self._value):
            raise Undecodable("trailing_bytes", f"{self._name}: {len(self._value) - self._at} bytes too many")

    def _place(self, shape: Shape) -> None:
        kind = type(shape)  # told apart by identity: this runs for every value of every event
        if kind is Text:
            self._text()
        elif kind is Optional:
            branch = self._number()
            if branch == 1:
                self._place(shape.value)  # type: ignore[union-attr]  # mypy does not narrow by identity
            elif branch:
                raise self._malformed("no such branch of the union")
        elif kind is Whole:
            edge = 1 << (shape.bits - 1)  # type: ignore[union-attr]  # as above
            self.fits = -edge <= self._number() < edge and self.fits
        elif kind is Items:
            self._items(shape.item)  # type: ignore[union-attr]  # as above
        elif kind is Record:
            self.record(shape)  # type: ignore[arg-type]  # as above
        else:
            assert isinstance(shape, (Flag, Fixed)), shape
            self._span(shape.size if isinstance(shape, Fixed) else 1)

    def _text(self) -> None:
        try:
            self._span(self._number()).decode()
        except UnicodeDecodeError as error:
            raise self._malformed(type(error).__name__) from None

    def _items(self, item: Shape) -> None:
        while count := self._number():
            if count == _LEAST_COUNT:
                raise self._malformed("a number or block that no writer makes")
            size = self._number() if count < 0 else None
            start = self._at
            for _ in range(abs(count)):
                self._place(item)
            if size not in (None, self._at - start):
                raise self._malformed("a block of another size")

    def _number(self) -> int:
        if self._at >= len(self._value):
            raise self._truncated()
        byte = self._value[self._at]
        if byte >= _MORE_BYTES_FOLLOW:
            return self._long_number()
        self._at += 1
        return (byte >> 1) ^ -(byte & 1)

    def _long_number(self) -> int:
        bits = 0
        for place in range(_NUMBER_BYTES_MAX):
            byte = self._span(1)[0]
            if place == _NUMBER_BYTES_MAX - 1 and byte > 1:
                break
            bits |= (byte & ~_MORE_BYTES_FOLLOW) << 7 * place
            if byte < _MORE_BYTES_FOLLOW:
                return (bits >> 1) ^ -(bits & 1)
        raise self._malformed("a number or block that no writer makes")

    def _span(self, size: int) -> bytes:
        start = self._at
        if not 0 <= size <= len(self._value) - start:
            raise self._truncated()
        self._at = start + size
        return self._value[start : self._at]

    def _truncated(self) -> Undecodable:
        return Undecodable("truncated", f"{self._name}: {REASONS['truncated']}")

    def _malformed(self, what: str) -> Undecodable:
        return Undecodable("malformed", f"{self._name}: {what}")
