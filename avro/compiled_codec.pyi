from typing import Generic, TypeVar

import msgspec

from tieout.avro.shapes import Record

SOURCE_DIGEST: int

_S = TypeVar("_S", bound=msgspec.Struct)

class CompiledRecords(Generic[_S]):
    def __init__(self, shape: Record) -> None: ...
    def decode(self, value: bytes, offset: int = 0) -> _S: ...
    def encode(self, message: _S, head: bytes = b"") -> bytes: ...
