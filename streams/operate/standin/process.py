"""The stand-in as a process of its own, for tests and the demo: started, killed, started again on the same port and folder.

Invariant: the process that was started is the one that is stopped, by its id; ``with`` leaves none behind.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

import msgspec

_ENTRY = (sys.executable, "-c", "from tieout.streams.operate.cli import main; main()", "standin")
_ASKING_SECONDS = 30.0
_STOPPING_SECONDS = 10.0


class StandinFailed(RuntimeError):  # noqa: N818 - read aloud: the stand-in failed
    """It did not start; what it said is in the message."""


class StandinProcess:
    """``with StandinProcess(folder, script) as erp``: ``erp.url`` answers. ``script``: keys of ``Script``."""

    def __init__(self, folder: Path, script: Path | None = None, port: int = 0) -> None:
        self.folder = folder
        self.script = script
        self.url = ""
        self._port = port
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        """Of the running process."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start it, on the port that it had before. Raises StandinFailed."""
        options = ["--dir", str(self.folder), "--port", str(self._port)]
        if self.script is not None:
            options += ["--script", str(self.script)]
        self._process = subprocess.Popen(
            [*_ENTRY, *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        self.url = self._process.stdout.readline().strip()
        if not self.url:
            _, said = self._process.communicate()
            raise StandinFailed(f"the stand-in ERP did not start: {said.strip()}")
        self._port = urlsplit(self.url).port or 0

    def kill(self) -> None:
        """SIGKILL, and wait for the end."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """SIGTERM, and wait for the end; nothing where it does not run."""
        self._end(signal.SIGTERM)

    def ask(self, method: str, path: str, body: object = None) -> Any:
        """What ``/admin`` answers, from synchronous code. Raises OSError."""
        data = None if body is None else msgspec.json.encode(body)
        request = urllib.request.Request(self.url + path, data=data, method=method)  # noqa: S310 - our own loopback URL
        with urllib.request.urlopen(request, timeout=_ASKING_SECONDS) as answered:  # noqa: S310
            return msgspec.json.decode(answered.read())

    def change(self, **keys: object) -> None:
        """Replace keys of the script while it runs."""
        self.ask("PATCH", "/admin/script", keys)

    def _end(self, how: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(how)
        try:
            process.wait(_STOPPING_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        for stream in (process.stdout, process.stderr):
            if stream is not None:
                stream.close()
