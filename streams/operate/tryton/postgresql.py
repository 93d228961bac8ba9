"""One PostgreSQL of our own on loopback, in a directory of its own: found or installed, started, stopped, killed.

Invariant: it is known by its process id and ends with the process that owns it; a start after SIGKILL recovers what was
committed. ``fsync`` is off, because what it guards against is a crash of the operating system, which ends tests anyway.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

from tieout.streams.operate.servers.errors import DiedError
from tieout.streams.operate.tryton.errors import PostgresqlMissingError
from tieout.streams.operate.tryton.process import Guarded, tail

DEBIAN_FOLDER = Path("/usr/lib/postgresql")
"""Where Debian keeps each version's programs."""
USER = "tryton"
"""Role that owns the databases."""

_SETTINGS = {
    "fsync": "off",
    "full_page_writes": "off",
    "max_wal_size": "256MB",
    "unix_socket_directories": "",
}
_READY_SECONDS_MAX = 60.0
_PAUSE_SECONDS = 0.05
_INSTALL_SECONDS_MAX = 600
_UNPRIVILEGED = ("postgres", "nobody")


def find_or_install() -> Path:
    """The folder of PostgreSQL's programs: from the PATH, from Debian's place, else by apt. Raises PostgresqlMissingError."""
    found = _find()
    if found is None:
        _apt_install()
        found = _find()
    if found is None:
        raise PostgresqlMissingError(
            "its package was installed, and its programs are still not there",
            where=f"{DEBIAN_FOLDER}/*/bin and the PATH",
            next_step="put initdb and postgres of PostgreSQL 13 or newer on the PATH",
        )
    return found


@dataclass(slots=True)
class Postgresql:
    """The server whose data is in ``home``. ``password`` is that of its role, asked for on every connection."""

    programs: Path
    home: Path
    port: int
    password: str
    _process: Guarded | None = field(default=None, repr=False)

    def initialise(self) -> None:
        """Make an empty data directory."""
        self.home.mkdir(parents=True)
        secret = self.home.with_name("password")
        secret.write_text(self.password)
        self._give(self.home, secret)
        options = ["--auth=scram-sha-256", f"--pwfile={secret}", f"--username={USER}", "--no-sync"]
        try:
            self._run(
                [
                    *self._as_user(),
                    self._program("initdb"),
                    "-D",
                    str(self.home),
                    "-E",
                    "UTF8",
                    "--locale=C",
                    *options,
                ]
            )
        finally:
            secret.unlink()

    def copy_from(self, template: Path) -> None:
        """Take over the data directory of a server that was stopped in order."""
        self._run(["cp", "-a", "--reflink=auto", str(template), str(self.home)])
        self._give(self.home)

    def start(self) -> None:
        """Start, and wait until it answers; a predecessor that was killed is recovered from. Raises DiedError."""
        deadline = time.monotonic() + _READY_SECONDS_MAX
        while True:
            settings = [part for name, value in _SETTINGS.items() for part in ("-c", f"{name}={value}")]
            command = [
                *self._as_user(),
                self._program("postgres"),
                "-D",
                str(self.home),
                "-p",
                str(self.port),
                "-h",
                "127.0.0.1",
            ]
            self._process = Guarded.start([*command, *settings], {}, self._log)
            while self._process.is_running() and time.monotonic() < deadline:
                if self._is_ready():
                    return
                time.sleep(_PAUSE_SECONDS)
            if self._process.is_running() or time.monotonic() > deadline:
                self.stop()
                raise self._death()
            # Children of a killed server hold its memory until they notice: try again until the deadline.
            time.sleep(_PAUSE_SECONDS * 4)

    def create_database(self, name: str) -> None:
        """Make an empty database."""
        address = ["-h", "127.0.0.1", "-p", str(self.port), "-U", USER]
        self._run([self._program("createdb"), *address, name], PGPASSWORD=self.password)

    def uri(self) -> str:
        """Address with role and password, without a database."""
        return f"postgresql://{USER}:{self.password}@127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """Of the server's first process."""
        assert self._process is not None, "start it first"
        return self._process.pid

    def is_running(self) -> bool:
        """Whether its process is there."""
        return self._process is not None and self._process.is_running()

    def stop(self) -> None:
        """Stop at once and in order: open connections are ended."""
        if self._process is not None:
            self._process.stop(signal.SIGINT)
            self._process = None

    def kill(self) -> None:
        """End it with SIGKILL, as a crash would; its children end as they notice."""
        if self._process is not None:
            self._process.kill()
            self._process = None

    @property
    def _log(self) -> Path:
        return self.home.with_name("postgresql.log")

    def _program(self, name: str) -> str:
        return str(self.programs / name)

    def _is_ready(self) -> bool:
        asked = [self._program("pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        return subprocess.run(asked, check=False).returncode == 0

    def _as_user(self) -> list[str]:
        """What to put before a command: PostgreSQL refuses root, and its user must reach the directory."""
        if os.geteuid() != 0:
            return []
        user = pwd.getpwnam(_unprivileged())
        command = [
            "setpriv",
            f"--reuid={user.pw_uid}",
            f"--regid={user.pw_gid}",
            "--clear-groups",
            "--pdeathsig=KILL",
        ]
        if not _reachable(self.home, [*command, "test", "-x"]):
            # Below a folder of root's alone: the one right that it needs to get there, and root has.
            command += ["--inh-caps=+dac_override", "--ambient-caps=+dac_override"]
        return command

    def _give(self, *paths: Path) -> None:
        if os.geteuid() == 0:
            self._run(["chown", "-R", _unprivileged(), *map(str, paths)])
        self.home.chmod(0o700)

    def _run(self, command: list[str], **environment: str) -> None:
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, cwd="/", env={**os.environ, **environment}
        )
        if done.returncode:
            raise DiedError(
                f"{Path(command[-1]).name}: a step of making the database failed: {done.stderr.strip()[-1000:]}",
                where=self.home,
                next_step="read the message; as root, use a --data-dir that the user postgres can reach, as below /var/tmp",
            )

    def _death(self) -> DiedError:
        return DiedError(
            f"PostgreSQL does not answer; it said last:\n{tail(self._log)}",
            where=self._log,
            next_step="read the log; a damaged directory can be deleted, it is filled anew then",
        )


def _reachable(path: Path, test: list[str]) -> bool:
    return subprocess.run([*test, str(path)], check=False, capture_output=True, cwd="/").returncode == 0


def _unprivileged() -> str:
    for name in _UNPRIVILEGED:
        try:
            return pwd.getpwnam(name).pw_name
        except KeyError:
            continue
    raise PostgresqlMissingError(
        f"PostgreSQL refuses to run as root, and there is no user {' or '.join(_UNPRIVILEGED)}",
        where="/etc/passwd",
        next_step="run this as another user than root",
    )


def _find() -> Path | None:
    on_path = shutil.which("initdb")
    by_version = sorted(DEBIAN_FOLDER.glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    candidates = [Path(on_path).resolve()] if on_path else []
    for candidate in [*candidates, *reversed(by_version)]:
        if all((candidate.parent / name).exists() for name in ("postgres", "pg_isready", "createdb")):
            return candidate.parent
    return None


def _apt_install() -> None:
    as_root = [] if os.geteuid() == 0 else ["sudo", "-n"]
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    said = "there is no apt-get"
    if shutil.which("apt-get"):
        for arguments in (
            ["update", "-qq"],
            ["install", "-qq", "-y", "--no-install-recommends", "postgresql"],
        ):
            command = [*as_root, "apt-get", *arguments]
            try:
                done = subprocess.run(
                    command,
                    capture_output=True,
                    text=True,
                    check=False,
                    env=environment,
                    timeout=_INSTALL_SECONDS_MAX,
                )
            except (OSError, subprocess.TimeoutExpired) as error:
                said = str(error)
                break
            if done.returncode:
                said = done.stderr.strip()[-500:]
                break
        else:
            return
    raise PostgresqlMissingError(
        f"there is no PostgreSQL on the PATH or in {DEBIAN_FOLDER}, and its package could not be installed: {said}",
        where="apt-get install postgresql",
        next_step="install PostgreSQL 13 or newer (Debian, as root: apt-get install postgresql), then run this again",
    )
