"""The embedded ERP: Tryton on its own PostgreSQL in a directory of its own, filled and ready to be posted to.

Invariant: after ``start`` returns, a client with the key can post; after ``stop`` returns, or when the owner is gone for
whatever reason, no process of it is left. What was committed outlives every kill.
"""

from __future__ import annotations

import os
import time
import urllib.error
import urllib.request
from http import HTTPStatus
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from tieout.streams.operate.servers import ports
from tieout.streams.operate.servers.errors import DiedError
from tieout.streams.operate.tryton import install, postgresql, template
from tieout.streams.operate.tryton.directory import ErpDirectory, RunningErp
from tieout.streams.operate.tryton.install import Environment
from tieout.streams.operate.tryton.master_data import MasterData
from tieout.streams.operate.tryton.postgresql import Postgresql
from tieout.streams.operate.tryton.process import Guarded, tail
from tieout.streams.operate.tryton.template import DATABASE, Secrets, Template

_READY_SECONDS_MAX = 120.0
_PAUSE_SECONDS = 0.05
_ANSWER_SECONDS = 30.0


class EmbeddedTryton:
    """One ERP in ``data_dir``; it can be stopped and started again, its books stay.

    ``master_data`` fills a new directory. ``port`` names Tryton's; without it a free one is chosen. ``workers``: server
    processes of four threads each; Python is the limit of each.
    """

    def __init__(
        self,
        data_dir: Path,
        master_data: MasterData,
        *,
        port: int | None = None,
        workers: int = 2,
        stops_on_signal: bool = False,
        cache_root: Path | None = None,
    ) -> None:
        self._directory = ErpDirectory.at(data_dir)
        self._master_data = master_data
        self._port = port
        self._workers = workers
        self._stops_on_signal = stops_on_signal
        self._cache_root = cache_root
        self._lock: int | None = None
        self._environment: Environment | None = None
        self._secrets: Secrets | None = None
        self._server: Guarded | None = None
        self.postgresql: Postgresql | None = None

    @property
    def url(self) -> str:
        """Address with the database: what an adapter is given."""
        assert self._port is not None, "start the ERP first"
        return f"http://127.0.0.1:{self._port}/{DATABASE}"

    @property
    def secrets(self) -> Secrets:
        """Application keys: of the user that posts, and of the accountant who closes periods."""
        assert self._secrets is not None, "start the ERP first"
        return self._secrets

    @property
    def running(self) -> RunningErp:
        """What ``erp.json`` says."""
        companies = {company.code: company.currency for company in self._master_data.companies}
        keys = self.secrets
        return RunningErp(
            pid=os.getpid(),
            url=self.url,
            posting_key=keys.posting_key,
            accountant_key=keys.accountant_key,
            companies=companies,
            stops_on_signal=self._stops_on_signal,
        )

    def start(self) -> Self:
        """Install and fill what is missing, start both servers, and wait until Tryton answers. Raises ServerError."""
        assert self._lock is None, "the ERP runs already"
        self._environment = install.ensure(self._cache_root)
        programs = postgresql.find_or_install()
        filled = template.ensure(self._environment, programs, self._master_data)
        self._lock = self._directory.acquire()
        try:
            self._prepare(programs, filled)
            self.start_database()
            self.start_server()
            self._directory.announce(self.running)
        except BaseException:
            self.stop()
            raise
        return self

    def start_database(self) -> None:
        """Start PostgreSQL, again after it was killed."""
        assert self.postgresql is not None, "start the ERP first"
        self.postgresql.start()

    def start_server(self) -> None:
        """Start Tryton, again after it was killed, and wait until it answers."""
        assert self._environment is not None, "start the ERP first"
        assert self.postgresql is not None
        home = self._directory.path
        configuration = home / "trytond.conf"
        template.write_configuration(configuration, self.postgresql.uri())
        self._server = Guarded.start(
            [
                self._environment.program("gunicorn"),
                f"--workers={self._workers}",
                "--threads=4",
                f"--bind=127.0.0.1:{self._port}",
                "--log-level=warning",
                "--graceful-timeout=3",
                "--no-control-socket",
                "trytond.application:app",
            ],
            {"TRYTOND_CONFIG": str(configuration), "TRYTOND_DATABASE_NAMES": DATABASE},
            home / "trytond.log",
        )
        self._wait_until_ready()

    def kill_server(self) -> None:
        """End Tryton with SIGKILL, every process of it."""
        if self._server is not None:
            self._server.kill()

    def kill_database(self) -> None:
        """End PostgreSQL with SIGKILL."""
        assert self.postgresql is not None
        self.postgresql.kill()

    def check_alive(self) -> None:
        """Raise DiedError when one of both is gone."""
        if self._server is None or not self._server.is_running():
            raise self._death("Tryton ended by itself", "trytond.log")
        if self.postgresql is None or not self.postgresql.is_running():
            raise self._death("PostgreSQL ended by itself", "postgresql.log")

    def stop(self) -> None:
        """Stop both in order; harmless when nothing runs."""
        if self._server is not None:
            self._server.stop()
            self._server = None
        if self.postgresql is not None:
            self.postgresql.stop()
            self.postgresql = None
        if self._lock is not None:
            self._directory.announce(None)
            os.close(self._lock)
            self._lock = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _prepare(self, programs: Path, filled: Template) -> None:
        """Copy the filled database into a new directory; a used one keeps its own."""
        home = self._directory.path
        kept = home / "secrets.json"
        web, database = ports.choose(2)
        if self._port is not None:
            ports.require_free(self._port)
        self._port = self._port or web
        self._secrets = (
            msgspec.json.decode(kept.read_bytes(), type=Secrets) if kept.exists() else filled.secrets()
        )
        self.postgresql = Postgresql(programs, home / "postgresql", database, self._secrets.password)
        if not kept.exists():
            self.postgresql.copy_from(filled.data)
            kept.touch(mode=0o600)
            kept.write_bytes(
                msgspec.json.encode(self._secrets)
            )  # the last thing: what was half copied is copied anew

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + _READY_SECONDS_MAX
        while time.monotonic() < deadline:
            self.check_alive()
            if self._answers():
                return
            time.sleep(_PAUSE_SECONDS)
        raise self._death(f"Tryton did not answer within {_READY_SECONDS_MAX:g} s", "trytond.log")

    def _answers(self) -> bool:
        request = urllib.request.Request(f"{self.url}/rest/model/tieout.command?s=1")  # noqa: S310 - our own address
        request.add_header("Authorization", f"Bearer {self.secrets.posting_key}")
        request.add_header("Content-Type", "application/json")
        try:
            with urllib.request.urlopen(request, timeout=_ANSWER_SECONDS) as answer:  # noqa: S310
                return bool(answer.status == HTTPStatus.OK)
        except (urllib.error.URLError, OSError):
            return False

    def _death(self, what: str, log: str) -> DiedError:
        path = self._directory.path / log
        return DiedError(
            f"{what}; it said last:\n{tail(path)}", where=path, next_step="read the log, start it again"
        )
