"""Whether a compiled part was built from the sources that lie beside it: after a pull without a build it was not.

Invariant: what was built from other sources never runs. Where no sources lie beside it there is nothing to compare, and
it was installed as it is. setup.py runs this file, so that builder and judge reckon alike: it needs the standard library alone.
"""

from __future__ import annotations

import hashlib
from importlib import resources
from importlib.resources.abc import Traversable
from types import ModuleType

_SOURCES = (".pyx", ".pxi")
DIGEST_BYTES = 8
"""As many as a C integer holds: it tells one build from the next, and is no secret."""


def source_digest(folder: Traversable) -> int | None:
    """One number for all the compiled parts' sources in ``folder``; None where there are none. Raises OSError."""
    digest = hashlib.blake2b(digest_size=DIGEST_BYTES)
    sources = sorted(
        (each for each in folder.iterdir() if each.name.endswith(_SOURCES)), key=lambda each: each.name
    )
    for source in sources:
        text = source.read_bytes()
        digest.update(b"%b %d\n%b" % (source.name.encode(), len(text), text))
    return int.from_bytes(digest.digest()) if sources else None


def is_stale(part: ModuleType, folder: Traversable | None = None) -> bool:
    """Whether the sources in ``folder``, by default this package's, are others than those that ``part`` was built from."""
    here = source_digest(folder or resources.files("tieout.avro"))
    return here is not None and getattr(part, "SOURCE_DIGEST", None) != here
