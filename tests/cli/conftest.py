"""Fixtures of the command line's tests: the installed command as a process, and an address where nothing listens."""

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

ENTRY = "from tieout.streams.operate.cli import main; main()"
Tieout = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def nobody() -> Iterator[str]:
    """host:port that refuses connections, and that nobody else takes meanwhile."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{bound.getsockname()[1]}"


@pytest.fixture
def tieout(tmp_path) -> Tieout:
    """tieout("close", "2025-05", TIEOUT_PARTITIONS="2") -> the process when it has ended; no settings but these."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("TIEOUT_")}

    def run(*arguments: object, **settings: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", ENTRY, *map(str, arguments)],
            env={**clean, "TIEOUT_STATE_DIR": str(tmp_path / "state"), **settings},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )

    return run
