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
from typing import Any

import msgspec

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


def canonical_json(content: Any) -> bytes:
    """Rules 3 and 4 for records, dicts, sequences, str, int, bool and None. Raises TypeError for anything else."""
    return _encoder.encode(_without_nulls(msgspec.to_builtins(content, builtin_types=(bytes,))))


def content_hash(event: msgspec.Struct) -> bytes:
    """16 bytes over the business content of an event (any record with an ``envelope``); rules 1 to 5."""
    plain = msgspec.to_builtins(event, builtin_types=(bytes,))
    envelope = {key: value for key, value in plain["envelope"].items() if key not in _TRAVEL}
    text = _encoder.encode(_without_nulls({**plain, "envelope": envelope}))
    return hashlib.blake2b(text, digest_size=HASH_BYTES).digest()


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
