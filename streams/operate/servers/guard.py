"""Stands between the owner of a server and its process, so that no server outlives its owner.

Run as ``python -I -S guard.py PROGRAM ARGUMENTS...``. Its standard input is the lifeline: a
pipe that nobody writes to and that the system closes when the owner ends, however it ends. Invariant: when the
lifeline closes or SIGTERM comes, the program is asked to stop, and killed after ``STOP_S`` seconds; when this process itself
is killed, the kernel kills it (Linux). It uses the standard library alone: it is run as a file, so that it
starts at once and stays small.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence

STOP_S = 15.0
"""How long Java may take for a clean stop. A small broker needs about half a second."""

_PR_SET_PDEATHSIG = 1


def main(command: Sequence[str]) -> int:
    """Run ``command`` until it ends; print its process id first. Returns its exit status as a shell would."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the owner, who then stops us in order
    java = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=sys.stderr,
        preexec_fn=_die_with_parent(),  # noqa: PLW1509 - no threads yet
    )
    stopping = threading.Event()

    def stop(*_: object) -> None:
        if not stopping.is_set():
            stopping.set()
            threading.Thread(target=_stop, args=(java,), daemon=True).start()

    signal.signal(signal.SIGTERM, stop)
    threading.Thread(target=_watch_lifeline, args=(stop,), daemon=True).start()
    os.write(1, f"{java.pid}\n".encode())
    os.close(1)
    status = java.wait()
    return status if status >= 0 else 128 - status


def _die_with_parent() -> Callable[[], None] | None:
    """Return what the child does before it becomes Java: ask the kernel to be killed with us. Linux only."""
    if not sys.platform.startswith("linux"):
        return None
    prctl = ctypes.CDLL(
        None, use_errno=True
    ).prctl  # loaded here: after the fork only the call itself is safe
    parent = os.getpid()

    def ask() -> None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it died between the fork and the request
            os._exit(1)

    return ask


def _watch_lifeline(stop: Callable[[], None]) -> None:
    with contextlib.suppress(OSError):
        while os.read(0, 1):
            pass
    stop()


def _stop(java: subprocess.Popen[bytes]) -> None:
    java.terminate()
    try:
        java.wait(STOP_S)
    except subprocess.TimeoutExpired:
        java.kill()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
