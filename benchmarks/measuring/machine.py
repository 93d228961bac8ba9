"""Facts about the machine and the code, without which a figure means nothing."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import subprocess
import sysconfig
import time
from pathlib import Path

from measuring.processes import busy_seconds
from tieout.streams.operate.broker.jars import read_lock

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("tieout", "aiokafka", "faust-streaming", "rocksdict", "msgspec", "fastavro")
_ROUNDS = 1_000_000


def facts() -> dict[str, object]:
    """CPU, memory, versions and commit."""
    return {
        "cpu": _cpu_model(),
        "cpu_count": os.cpu_count(),
        "memory_gib": round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30, 1),
        "machine": platform.machine(),
        "system": platform.platform(terse=True),
        "python": f"{platform.python_version()} ({_python_build()})",
        "kafka": read_lock().kafka_version,
        "packages": {name: importlib.metadata.version(name) for name in PACKAGES},
        "commit": _commit(),
    }


def kloops_per_second() -> int:
    """Thousand rounds per CPU-second of a fixed loop: how fast the machine is at this moment."""
    began, number = time.process_time(), 1
    for _ in range(_ROUNDS):
        number = (number * 1_103_515_245 + 12_345) & 0x7FFF_FFFF
    return round(_ROUNDS / 1000 / (time.process_time() - began))


class Share:
    """How much of the machine others use from here on, in percent."""

    def __init__(self) -> None:
        self._began, self._busy, self._own = time.monotonic(), busy_seconds(), time.process_time()

    def foreign_percent(self) -> float:
        """Until now."""
        own = time.process_time() - self._own
        available = (time.monotonic() - self._began) * (os.cpu_count() or 1)
        return round(max(0.0, busy_seconds() - self._busy - own) / available * 100, 1)


def _python_build() -> str:
    """Interpreters that were not built with profile-guided optimization are about a tenth slower."""
    guided = "--enable-optimizations" in (sysconfig.get_config_var("CONFIG_ARGS") or "")
    return "optimized build" if guided else "build without profile-guided optimization"


def _cpu_model() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor()


def _commit() -> str:
    """Short hash; with a plus sign when files differ from it, the report itself not counted."""
    git = ["git", "-c", "safe.directory=*", "-C", str(ROOT)]
    told = subprocess.run([*git, "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    if told.returncode:
        return "unknown"
    changed = subprocess.run(
        [*git, "status", "--porcelain", "-uno", "--", ".", ":!docs"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return told.stdout.strip() + ("+" if changed.stdout.strip() else "")
