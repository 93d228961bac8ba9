"""One record type to bytes and back, by the implementation that is asked for. The one place that chooses.

Invariant: both implementations write the same bytes, read the same records, and refuse the same bytes with the same reason
codes: what one worker has accepted and keeps in a row, any other can read. tests/core/test_avro_differential.py compares
them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Protocol, TypeVar

import msgspec

from tieout.avro.built_from import is_stale
from tieout.avro.fastavro_codec import FastavroRecords
from tieout.avro.shapes import shape_of

STALE: str | None = None
"""What is wrong, and what to do, where the compiled codec is there and was built from other sources."""
try:
    from tieout.avro import compiled_codec
    from tieout.avro.compiled_codec import CompiledRecords
except ImportError:  # an install without a C compiler
    CompiledRecords = None  # type: ignore[assignment,misc]  # the name is a class or nothing
else:
    if is_stale(compiled_codec):
        CompiledRecords = None  # type: ignore[assignment,misc]  # the same
        STALE = (
            "the compiled Avro codec was built from other sources than those beside it and is not used:"
            " run make in the checkout, or install tieout again"
        )

Implementation = Literal["compiled", "fastavro"]
Wanted = Literal["auto", "compiled", "fastavro"]
"""What a setting may ask for: ``auto`` is the compiled one where it is installed and not stale."""

S = TypeVar("S", bound=msgspec.Struct)


class RecordCodec(Protocol[S]):
    """Records of one class and schema; no framing of its own. Immutable: share one per process."""

    def decode(self, value: bytes, offset: int = 0) -> S:
        """The record that begins at ``offset`` and ends with ``value``. Raises Undecodable, without a schema id."""
        ...

    def encode(self, message: S, head: bytes = b"") -> bytes:
        """``head`` and the record's bytes after it. Raises Unencodable."""
        ...


class CodecMissing(RuntimeError):  # noqa: N818 - read aloud: the codec is missing
    """The compiled codec was asked for by name and is not installed, or is stale. Says how to get it."""


def implementation(wanted: Wanted = "auto") -> Implementation:
    """Which one ``wanted`` means here. Raises CodecMissing."""
    if wanted == "compiled" and CompiledRecords is None:
        lacking = STALE or "the compiled Avro codec is not installed: install a C compiler, then tieout again"
        raise CodecMissing(f"{lacking}, or ask for auto")
    return "fastavro" if wanted == "fastavro" or CompiledRecords is None else "compiled"


def why_not_compiled(wanted: Wanted = "auto") -> str | None:
    """What is wrong and what to do where ``auto`` has to pass over a codec that is installed; None where all is well."""
    return STALE if wanted == "auto" else None


def record_codec(schema: Mapping[str, Any], struct: type[S], wanted: Wanted = "auto") -> RecordCodec[S]:
    """The codec of a self-contained schema (every array with ``maxItems``) and the class that mirrors it.

    Raises SchemaError where schema and class differ, and CodecMissing.
    """
    shape = shape_of(schema, struct)
    if implementation(wanted) == "compiled":
        assert CompiledRecords is not None
        return CompiledRecords(shape)
    return FastavroRecords(schema, struct, shape)
