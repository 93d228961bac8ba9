"""Kafka's published jars: which ones, where they are kept, and that they are exactly the pinned ones.

``kafka.lock.json`` lists every jar of the runtime class path of ``org.apache.kafka:kafka_2.13`` as Maven resolves
it, and a log4j binding for slf4j (without it the broker logs nothing), each with its SHA-256. Invariant: a class
path is only ever handed out after every file on it has been hashed in this process, and a half-written cache is never
visible: jars are fetched beside the final directory and renamed into place.

To move to another release: let ``mvn dependency:list`` resolve the two artifacts (runtime scope), write one entry per
jar with the SHA-256 of what it fetched, and change the image's tag and digest in docker-compose.yml; tests compare.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path

from tieout.streams.operate.broker.errors import ChecksumError, DiskFullError, FetchError

CACHE_ENV = "TIEOUT_CACHE_DIR"
"""Names the cache directory; else ``$XDG_CACHE_HOME/tieout``, else ``~/.cache/tieout``."""

_MEBIBYTE = 1 << 20


@dataclass(frozen=True, slots=True)
class Jar:
    """One pinned jar: its Maven coordinates, SHA-256 in hex, and size in bytes."""

    group: str
    artifact: str
    version: str
    sha256: str
    size_bytes: int

    @property
    def filename(self) -> str:
        """Name in the cache and in every Maven repository."""
        return f"{self.artifact}-{self.version}.jar"


@dataclass(frozen=True, slots=True)
class Lock:
    """The pinned set. ``digest`` names it, so that another release of tieout never shares a half-matching cache."""

    kafka_version: str
    jars: tuple[Jar, ...]
    digest: str


Fetch = Callable[[Sequence[Jar], Path], None]
"""Downloads the jars into a directory, under their ``filename``; raises FetchError."""


@cache
def read_lock() -> Lock:
    """Read the packaged lock file."""
    text = files("tieout.streams.operate.broker").joinpath("kafka.lock.json").read_text("utf-8")
    document = json.loads(text)
    jars = tuple(Jar(**entry) for entry in document["jars"])
    return Lock(document["kafka_version"], jars, hashlib.sha256(text.encode()).hexdigest())


def cache_directory() -> Path:
    """Where downloads are kept for all projects and data directories of this user."""
    named = os.environ.get(CACHE_ENV)
    if named:
        return Path(named).expanduser()
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "tieout"


def jar_directory(lock: Lock, cache_root: Path | None = None) -> Path:
    """Final directory of this lock's jars."""
    return (cache_root or cache_directory()) / f"kafka-{lock.kafka_version}-{lock.digest[:12]}"


def ensure_jars(fetch: Fetch, cache_root: Path | None = None, lock: Lock | None = None) -> Path:
    """Directory with exactly the pinned jars; downloads them through ``fetch`` when they are not there yet.

    Raises:
        FetchError: not cached, and not to be had.
        ChecksumError: a cached or downloaded file is not the pinned one.
        DiskFullError: too little room for the download.

    """
    lock = lock or read_lock()
    final = jar_directory(lock, cache_root)
    if not final.is_dir():
        _fill(lock, final, fetch)
    verify(lock, final)
    return final


def verify(lock: Lock, directory: Path) -> None:
    """Hash every jar in ``directory`` (about 50 ms). Raises ChecksumError; a missing jar is one."""
    for jar in lock.jars:
        path = directory / jar.filename
        actual = _sha256(path) if path.is_file() else "no such file"
        if actual != jar.sha256:
            raise ChecksumError(
                f"{jar.filename} is not the jar that this release pins: expected SHA-256 {jar.sha256}, found {actual}",
                where=path,
                next_step=f"delete {directory} and start again; if it happens again, whatever serves "
                f"{jar.group}:{jar.artifact}:{jar.version} to this machine serves another file: do not use it",
            )


def _fill(lock: Lock, final: Path, fetch: Fetch) -> None:
    try:
        final.parent.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(prefix=f".{final.name}-", dir=final.parent))
    except OSError as error:
        raise FetchError(
            f"the cache for Kafka's jars cannot be written: {error.strerror}",
            where=final.parent,
            next_step=f"make the directory writable, or name another one in {CACHE_ENV}",
        ) from error
    try:
        _require_room(lock, partial)
        fetch(lock.jars, partial)
        verify(lock, partial)
        partial.chmod(0o755)
        _move_into_place(partial, final)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _move_into_place(partial: Path, final: Path) -> None:
    try:
        partial.rename(final)
    except OSError:
        if not final.is_dir():  # otherwise another process was quicker: its copy is verified like any other
            raise


def _require_room(lock: Lock, directory: Path) -> None:
    # The downloader keeps its own copy until the rename, and a little room should be left.
    needed = 3 * sum(jar.size_bytes for jar in lock.jars)
    free = shutil.disk_usage(directory).free
    if free < needed:
        raise DiskFullError(
            f"fetching Kafka needs {needed // _MEBIBYTE} MiB, {free // _MEBIBYTE} MiB are free",
            where=directory.parent,
            next_step=f"free some space, or name a cache directory on another disk in {CACHE_ENV}",
        )


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
