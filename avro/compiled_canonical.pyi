from collections.abc import Mapping

import msgspec

class CanonicalText:
    def __init__(self, left_out: Mapping[type[msgspec.Struct], frozenset[str]]) -> None: ...
    def of(self, record: msgspec.Struct) -> bytes | None: ...
