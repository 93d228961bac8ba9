"""The data directory of one ERP: who holds it, and what a client needs to know.

::

    lock            held (flock) by the process that owns the ERP
    erp.json        address, key and companies while it runs; removed by a clean stop
    secrets.json    lasting: belongs to the database
    postgresql/     the database itself

Invariant: two owners never work on one directory. An owner that was killed leaves ``erp.json`` behind: see ``is_held``.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import msgspec

from tieout.streams.operate.servers import directory_lock
from tieout.streams.operate.servers.errors import DirectoryInUseError


class RunningErp(msgspec.Struct, frozen=True):
    """What a client needs, and the owner's process id. ``url`` ends with the database.

    ``companies``: entity -> its currency. ``stops_on_signal``: the owner is a command that SIGTERM ends in order.
    """

    pid: int
    url: str
    posting_key: str
    accountant_key: str
    companies: dict[str, str]
    stops_on_signal: bool


@dataclass(frozen=True, slots=True)
class ErpDirectory:
    """One directory, absolute."""

    path: Path

    @classmethod
    def at(cls, path: Path) -> ErpDirectory:
        """Create it if need be."""
        path.mkdir(parents=True, exist_ok=True)
        return cls(path.resolve())

    def acquire(self) -> int:
        """Lock it; the descriptor returned holds it. Raises DirectoryInUseError."""
        handle = directory_lock.acquire(self.path, lambda: 0.0)
        if handle is None:
            running = self.running()
            raise DirectoryInUseError(
                f"another ERP runs in the data directory: {f'process {running.pid}' if running else 'one that is starting'}",
                where=self.path,
                next_step="use it as it is, stop it (tieout tryton stop), or use another --data-dir",
            )
        self.announce(None)
        return handle

    def is_held(self) -> bool:
        """Whether an owner is there now."""
        return directory_lock.is_held(self.path)

    def running(self) -> RunningErp | None:
        """What its owner announced; None when nothing runs."""
        try:
            return msgspec.json.decode((self.path / "erp.json").read_bytes(), type=RunningErp)
        except FileNotFoundError:
            return None

    def announce(self, running: RunningErp | None) -> None:
        """Write ``erp.json``, for the owner's eyes because it holds the key; or remove it."""
        final = self.path / "erp.json"
        if running is None:
            final.unlink(missing_ok=True)
            return
        partial = final.with_name("erp.json.partial")
        partial.touch(mode=0o600)
        partial.write_bytes(msgspec.json.format(msgspec.json.encode(running)) + b"\n")
        partial.replace(final)
