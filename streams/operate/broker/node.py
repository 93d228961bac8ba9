"""One broker node: a Java process behind its guard.

Invariant: at most one Java process per object, and it is known by its process id, so that tests can kill exactly it.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tieout.streams.operate.broker.death import died
from tieout.streams.operate.servers import guard
from tieout.streams.operate.servers.errors import ServerError

_TAIL_BYTES = 20_000


@dataclass(frozen=True, slots=True)
class JavaCommand:
    """What every node is started with: executable, class path and heap.

    ``short_lived`` keeps to Java's quick compiler: a quicker start and less work in the first minutes, for less speed
    in the long run.
    """

    java: Path
    class_path: str
    heap_mb: int
    short_lived: bool

    def line(self, home: Path) -> list[str]:
        """Command line of the node that lives in ``home``."""
        return [
            str(self.java),
            f"-Xms{self.heap_mb}m",
            f"-Xmx{self.heap_mb}m",
            *(("-XX:TieredStopAtLevel=1",) if self.short_lived else ()),
            "-XX:+UseSerialGC",  # small heap, few cores: less memory, and pauses of a few milliseconds
            "-XX:+ExitOnOutOfMemoryError",  # a broker without memory limps and loses requests: end it
            f"-XX:ErrorFile={home}/logs/java-error-%p.log",
            "-XX:-UsePerfData",
            "--enable-native-access=ALL-UNNAMED",  # the compression libraries are native
            f"-Dtieout.broker.logs={home}/logs",
            f"-Dlog4j2.configurationFile={home}/log4j2.properties",
            "-cp",
            self.class_path,
            "kafka.Kafka",
            str(home / "server.properties"),
        ]


@dataclass(slots=True)
class Node:
    """A node that can be started, stopped and killed, again and again. ``home`` is prepared by storage."""

    node_id: int
    home: Path
    command: JavaCommand
    java_pid: int | None = None
    _guard: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    def start(self, lock: int) -> None:
        """Start Java; ``lock`` is the data directory's lock, which the guard holds from now on as well."""
        assert not self.is_running(), f"node {self.node_id} runs already"
        # As a file and without site-packages: it starts in 20 ms and stays small.
        script = [sys.executable, "-I", "-S", guard.__file__]
        with (self.home / "console.log").open("ab") as console:
            process = subprocess.Popen(
                [*script, *self.command.line(self.home)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=console,
                pass_fds=(lock,),
                start_new_session=True,  # Ctrl-C reaches the owner alone, who stops us in order
            )
        self._guard = process
        assert process.stdout is not None
        with process.stdout as answer:
            first = answer.readline()
        if not first:
            raise self.death()
        self.java_pid = int(first)

    def is_running(self) -> bool:
        """Whether its Java process is there (it may not answer yet)."""
        return self._guard is not None and self._guard.poll() is None

    def stop(self) -> None:
        """Stop cleanly and wait for it; killed when it takes longer than the guard allows."""
        self.ask_to_stop()
        self.wait()

    def ask_to_stop(self) -> None:
        """Close the lifeline; returns at once."""
        if self._guard is not None and self._guard.stdin is not None:
            with contextlib.suppress(OSError):
                self._guard.stdin.close()

    def wait(self) -> None:
        """Wait until Java has ended."""
        if self._guard is None:
            return
        try:
            self._guard.wait(guard.STOP_S + 5)
        except subprocess.TimeoutExpired:
            self.kill()
        self._guard = self.java_pid = None

    def kill(self) -> None:
        """End Java with SIGKILL, as a crash would, and wait for it."""
        process = self._guard
        if process is None:
            return
        if (
            self.java_pid is not None and process.poll() is None
        ):  # the guard still holds it: the id is not reused
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.java_pid, signal.SIGKILL)
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        self.ask_to_stop()
        self._guard = self.java_pid = None

    def death(self) -> ServerError:
        """Why it ended, told from what it wrote last."""
        status = self._guard.wait() if self._guard is not None else None
        said = _tail(self.home / "logs" / "server.log") + _tail(self.home / "console.log")
        return died(said, status, self.home)


def class_path(jars: Sequence[Path]) -> str:
    """Join jar files as Java wants them."""
    return os.pathsep.join(map(str, jars))


def _tail(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            stream.seek(max(0, path.stat().st_size - _TAIL_BYTES))
            return stream.read().decode("utf-8", "replace")
    except FileNotFoundError:
        return ""
