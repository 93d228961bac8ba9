"""The first five bytes of a value: magic 0 and the schema id, as the Confluent wire format has it.

Invariant: ``schema_id_of(frame(id, body))`` is the id, and the body follows unchanged.
"""

from __future__ import annotations

import struct

MAGIC = 0
HEADER_BYTES = 5
_HEADER = struct.Struct(">BI")


class BadFrame(ValueError):  # noqa: N818 - named as what it is, like Undecodable
    """The value does not start with magic 0 and a schema id."""


def frame(schema_id: int, body: bytes) -> bytes:
    """Magic byte, schema id (unsigned, 32 bits, big endian), body."""
    return _HEADER.pack(MAGIC, schema_id) + body


def schema_id_of(value: bytes) -> int:
    """The schema id of a framed value; the body starts at ``HEADER_BYTES``. Raises BadFrame."""
    if len(value) < HEADER_BYTES:
        raise BadFrame(f"the value has {len(value)} bytes; magic and schema id alone need {HEADER_BYTES}")
    magic, schema_id = _HEADER.unpack_from(value)
    if magic != MAGIC:
        raise BadFrame(f"the value starts with byte {magic}, not with magic {MAGIC}")
    return int(schema_id)
