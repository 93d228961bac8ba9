"""Start any process under a guard of its own, so that it ends when its owner ends, however that ends.

Invariant: the first line of the process's standard output is the id of what the guard runs (see ``guard``), and its
standard input is the lifeline: whoever closes it asks for a clean stop.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from tieout.streams.operate.servers import guard


def start_guarded(
    command: Sequence[str], environment: Mapping[str, str], log: Path
) -> subprocess.Popen[bytes]:
    """The guard of ``command``. ``environment`` comes on top of ours; ``log`` takes what both say."""
    with log.open("ab") as file:
        return subprocess.Popen(
            [sys.executable, "-I", "-S", guard.__file__, *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=file,
            env={**os.environ, **environment},
            start_new_session=True,
        )
