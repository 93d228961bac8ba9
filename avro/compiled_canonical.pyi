from collections.abc import Mapping

import msgspec

SOURCE_DIGEST: int

class CanonicalText:
    def __init__(self, left_out: Mapping[type[msgspec.Struct], frozenset[str]]) -> None: ...
    def of(self, record: msgspec.Struct) -> bytes | None: ...
