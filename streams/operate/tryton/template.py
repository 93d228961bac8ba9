"""Filled databases, each made once and kept beside the environment: a start copies one instead of filling another.

There are two steps: an empty Tryton, which takes most of a minute to make, and for each master data a copy of it that is
filled. Invariant: what is kept is the data directory of a PostgreSQL that was stopped in order, whole or not at all.
"""

from __future__ import annotations

import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec

from tieout.streams.operate.servers import ports
from tieout.streams.operate.tryton.errors import FillError
from tieout.streams.operate.tryton.install import Environment, exclusive
from tieout.streams.operate.tryton.master_data import MasterData
from tieout.streams.operate.tryton.postgresql import Postgresql

DATABASE = "erp"
MODULE = "tieout"

_STEP_SECONDS_MAX = 1_200


class Secrets(msgspec.Struct, frozen=True):
    """What goes with a database: its role's password, and the application keys of the two users (see trytond_tieout.fill)."""

    password: str
    posting_key: str = ""
    accountant_key: str = ""


@dataclass(frozen=True, slots=True)
class Template:
    """``home`` holds the data directory and the secrets."""

    home: Path

    @property
    def data(self) -> Path:
        """The data directory to copy."""
        return self.home / "postgresql"

    def secrets(self) -> Secrets:
        """Its password and keys."""
        return msgspec.json.decode((self.home / "secrets.json").read_bytes(), type=Secrets)


@dataclass(frozen=True, slots=True)
class _Workplace:
    """A folder, not below the cache because the database's user may not reach that, and the server that works in it."""

    environment: Environment
    home: Path
    server: Postgresql

    def run(self, command: list[str], **variables: str) -> str:
        """What a step in Tryton's environment says. Raises FillError."""
        log, configuration = self.home / "fill.log", self.home / "trytond.conf"
        write_configuration(configuration, self.server.uri())
        program = self.environment.program(command[0])
        known = {"PATH": str(Path(program).parent), "LANG": "C.UTF-8", "TRYTOND_CONFIG": str(configuration)}
        with log.open("ab") as errors:
            done = subprocess.run(
                [program, *command[1:]],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                env=known | variables,
                timeout=_STEP_SECONDS_MAX,
                check=False,
            )
        if done.returncode:
            said = log.read_text("utf-8", "replace").strip()[-2000:]
            raise FillError(
                f"{command[0]} ended with {done.returncode}: {said}",
                where=self.home,
                next_step="read the message; master data that Tryton refuses has to be changed",
            )
        return done.stdout.decode()


def ensure(environment: Environment, programs: Path, master_data: MasterData) -> Template:
    """The template of this master data, made first where it is missing. Raises FillError."""
    empty = environment.home / f"empty-{programs.parent.name}"
    filled = environment.home / f"filled-{programs.parent.name}-{master_data.digest()}"

    def initialise(work: _Workplace) -> Secrets:
        work.server.initialise()
        return _initialised(work)

    def fill(work: _Workplace) -> Secrets:
        work.server.copy_from(Template(empty).data)
        return _filled(work, master_data)

    with exclusive(environment.home):
        if not filled.exists():
            if not empty.exists():
                _make(empty, environment, programs, secrets.token_urlsafe(24), initialise)
            _make(filled, environment, programs, Template(empty).secrets().password, fill)
    return Template(filled)


def write_configuration(path: Path, uri: str) -> None:
    """Tryton's settings, which hold the password: for the owner's eyes."""
    path.touch(mode=0o600)
    path.write_text(f"[database]\nuri = {uri}\n", "utf-8")


def _make(
    final: Path,
    environment: Environment,
    programs: Path,
    password: str,
    work: Callable[[_Workplace], Secrets],
) -> None:
    home = Path(tempfile.mkdtemp(prefix="tieout-tryton-"))
    home.chmod(0o711)
    (port,) = ports.choose(1)
    server = Postgresql(programs, home / "postgresql", port, password)
    try:
        try:
            made = work(_Workplace(environment, home, server))
        finally:
            server.stop()
        _keep(home, made, final)
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _initialised(work: _Workplace) -> Secrets:
    """An empty Tryton with the module in it."""
    work.server.start()
    work.server.create_database(DATABASE)
    admin = work.home / "admin"
    admin.touch(mode=0o600)
    admin.write_text(secrets.token_urlsafe(24))
    configuration = ["-c", str(work.home / "trytond.conf"), "-d", DATABASE]
    modules = ["-u", MODULE, "--activate-dependencies", "--email", "admin@example.com"]
    work.run(["trytond-admin", *configuration, *modules], TRYTONPASSFILE=str(admin))
    return Secrets(work.server.password)


def _filled(work: _Workplace, master_data: MasterData) -> Secrets:
    work.server.start()
    wanted = work.home / "master_data.json"
    wanted.write_bytes(msgspec.json.encode(master_data))
    said = work.run(["python", "-m", "trytond_tieout.fill", DATABASE, str(wanted)])
    keys = msgspec.json.decode(said.splitlines()[-1], type=dict[str, str])
    return Secrets(work.server.password, **keys)


def _keep(work: Path, made: Secrets, final: Path) -> None:
    partial = final.with_name(final.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(mode=0o700)
    (partial / "secrets.json").touch(mode=0o600)
    (partial / "secrets.json").write_bytes(msgspec.json.encode(made))
    subprocess.run(
        ["cp", "-a", str(work / "postgresql"), str(partial / "postgresql")], check=True, capture_output=True
    )
    partial.rename(final)
