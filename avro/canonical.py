r"""One canonical text per business content, so that a re-sent event is recognised whoever serialised it.

The canonical form, for producers in any language:

1. Take the event as its Avro record says it, wire values: dates are days since 1970-01-01, times microseconds,
   amounts and quantities integers, nested records objects, arrays in the order sent.
2. Leave out of ``envelope``: event_id, recorded_at, occurred_at, correlation_id, causation_id, actor,
   content_hash. They say how a fact travelled, not what it is.
3. Leave out every field whose value is null, at any depth (so a field added later with default null leaves
   the hash of what was said before it unchanged).
4. Write JSON in UTF-8: keys sorted by code point, no spaces, integers in plain decimal, true and false; in strings
   only ``"`` and ``\`` are escaped with a backslash, and below U+0020 the five short forms
   (\b \f \n \r \t) or ``\u00xx`` in lower case; everything else stands as itself, without Unicode normalisation.
5. ``content_hash`` is BLAKE2b with a digest of 16 bytes over that text.

Invariant: equal content gives equal bytes, on any machine and in any release. tests/core has vectors.
"""

from __future__ import annotations

import hashlib
from functools import cache
from operator import attrgetter
from typing import Any

import msgspec
from msgspec import inspect

from tieout.avro.built_from import is_stale
from tieout.avro.events import Envelope

try:
    from tieout.avro import compiled_canonical
except ImportError:  # an install without a C compiler
    compiled_canonical = None  # type: ignore[assignment]  # the name is a module or nothing

HASH_BYTES = 16
_TRAVEL = frozenset(
    {
        "event_id",
        "recorded_at",
        "occurred_at",
        "correlation_id",
        "causation_id",
        "actor",
        "content_hash",
    }
)
_encoder = msgspec.json.Encoder(order="sorted")
_in_order = msgspec.json.Encoder()
_compiled = (
    None
    if compiled_canonical is None or is_stale(compiled_canonical)
    else compiled_canonical.CanonicalText({Envelope: _TRAVEL})
)
"""Gives the same text in less than half the time, or None where it leaves a record to the reference below."""


def canonical_json(content: Any) -> bytes:
    """Rules 3 and 4 for records, dicts, sequences, str, int, bool and None. Raises TypeError for anything else."""
    return _encoder.encode(_without_nulls(msgspec.to_builtins(content, builtin_types=(bytes,))))


def content_hash(event: msgspec.Struct) -> bytes:
    """16 bytes over the business content of an event (any record with an ``envelope``); rules 1 to 5."""
    text = None if _compiled is None else _compiled.of(event)
    return hashlib.blake2b(text or _reference_text(event), digest_size=HASH_BYTES).digest()


def _reference_text(event: msgspec.Struct) -> bytes:
    return _in_order.encode(_form(type(event)).of(event))


class _Form:
    """How records of one class become a record that is encoded as its canonical text, by rules 2, 3 and 4.

    That record's fields are in order, and null by default, and a field that has its default is not written.
    """

    __slots__ = ("_deep", "_make", "_values")

    def __init__(self, struct: type[msgspec.Struct], left_out: frozenset[str]) -> None:
        described = inspect.type_info(struct)
        assert isinstance(described, inspect.StructType), struct
        kinds = {each.name: each.type for each in described.fields}
        names = sorted(kinds.keys() - left_out)
        flat = {name for name in names if _is_flat(kinds[name])}
        self._deep = tuple(place for place, name in enumerate(names) if name not in flat)
        self._values = attrgetter(*names)
        self._make = msgspec.defstruct(
            f"Canonical{struct.__name__}", [(name, Any, None) for name in names], omit_defaults=True, gc=False
        )

    def of(self, record: msgspec.Struct) -> msgspec.Struct:
        if not self._deep:
            return self._make(*self._values(record))
        values = list(self._values(record))
        for place in self._deep:
            values[place] = _formed(values[place])
        return self._make(*values)


def _formed(value: Any) -> Any:
    if isinstance(value, msgspec.Struct):
        return _form(type(value)).of(value)
    return [_formed(item) for item in value] if isinstance(value, tuple) else value


@cache
def _form(struct: type[msgspec.Struct]) -> _Form:
    return _Form(struct, _TRAVEL if struct is Envelope else frozenset())


def _is_flat(kind: inspect.Type) -> bool:
    """Whether values of this type hold no record, at any depth."""
    if isinstance(kind, inspect.UnionType):
        return all(_is_flat(each) for each in kind.types)
    return (
        _is_flat(kind.item_type)
        if isinstance(kind, inspect.VarTupleType)
        else not isinstance(kind, inspect.StructType)
    )


_LEAVES = frozenset({str, int, bool})


def _without_nulls(node: Any) -> Any:
    """Leaves are told apart before the call: this runs for every field of every event that is produced."""
    kind = type(node)
    if kind is dict:
        return {
            key: value if type(value) in _LEAVES else _without_nulls(value)
            for key, value in node.items()
            if value is not None
        }
    if kind is list or kind is tuple:
        return [item if type(item) in _LEAVES else _without_nulls(item) for item in node]
    if kind in _LEAVES or node is None:
        return node
    raise TypeError(f"{kind.__name__} has no canonical form; amounts are integers in minor units")
