"""Downloads Kafka's jars by their Maven coordinates, with Python alone (jgo) or with an installed Maven.

Only the pinned coordinates are asked for: nothing is resolved here, so no version range, mirror or parent POM can
change what ends up on the class path (left to resolve kafka_2.13 4.1.1 and the log4j binding together, jgo 3.2 takes
kafka-clients 3.8.0; Maven takes 4.1.1). Invariant: this module decides how bytes arrive, never whether they are right;
``jars.verify`` does that.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from xml.sax.saxutils import escape

from tieout.streams.operate.broker.errors import FetchError
from tieout.streams.operate.broker.jars import CACHE_ENV, Jar

MIRROR_ENV = "TIEOUT_MAVEN_URL"
"""Base URL of a Maven repository to use instead of jgo's default one."""

_PARALLEL_DOWNLOADS = 4
_REQUEST_TIMEOUT_S = 20
_MAVEN_TIMEOUT_S = 600


def download(jars: Sequence[Jar], directory: Path) -> None:
    """Fetch ``jars`` into ``directory``: jgo first, then ``mvn`` (which knows the machine's settings.xml).

    Raises:
        FetchError: neither could; names what each of them met.

    """
    met = []
    ways: tuple[Callable[[Sequence[Jar], Path], None], ...] = (_with_jgo, _with_maven)
    for way in ways:
        try:
            way(jars, directory)
        except _UnableError as reason:
            met.append(str(reason))
        else:
            return
    raise FetchError(
        f"Kafka's {len(jars)} jars are not in the cache and could not be fetched: " + "; ".join(met),
        where=directory.parent,
        next_step=f"connect to the network once, or set {MIRROR_ENV} to a Maven repository that is reachable (HTTPS_PROXY "
        f"is honoured), or copy the cache directory of another machine here and name it in {CACHE_ENV}",
    )


class _UnableError(Exception):
    """One way of fetching did not work; the message says why."""


def _with_jgo(jars: Sequence[Jar], directory: Path) -> None:
    try:
        from jgo.maven import MavenContext  # noqa: PLC0415 - an extra, and slow to import
    except ImportError:
        raise _UnableError("jgo is not installed (pip install 'tieout[broker]')") from None
    mirror = os.environ.get(MIRROR_ENV)
    with tempfile.TemporaryDirectory(dir=directory) as repository:
        maven = MavenContext(
            repo_cache=Path(repository),
            remote_repos={"mirror": mirror.rstrip("/")} if mirror else None,
            timeout=_REQUEST_TIMEOUT_S,
        )

        def fetch_one(jar: Jar) -> None:
            component = maven.project(jar.group, jar.artifact).at_version(jar.version)
            shutil.move(component.artifact().resolve(), directory / jar.filename)

        with ThreadPoolExecutor(_PARALLEL_DOWNLOADS) as pool:
            try:
                list(pool.map(fetch_one, jars))
            except (OSError, RuntimeError) as error:  # requests' errors are OSErrors
                pool.shutdown(cancel_futures=True)
                raise _UnableError(f"jgo: {_first_line(error)}") from error


def _with_maven(jars: Sequence[Jar], directory: Path) -> None:
    command = shutil.which("mvn")
    if command is None:
        raise _UnableError("mvn is not installed")
    with tempfile.TemporaryDirectory(dir=directory) as project:
        pom = Path(project) / "pom.xml"
        pom.write_text(_pom(jars), "utf-8")
        copy = [
            command,
            "-B",
            "-q",
            "-f",
            str(pom),
            "dependency:copy-dependencies",
            f"-DoutputDirectory={directory}",
        ]
        try:
            done = subprocess.run(copy, capture_output=True, text=True, timeout=_MAVEN_TIMEOUT_S, check=False)
        except subprocess.TimeoutExpired:
            raise _UnableError(f"mvn: no answer within {_MAVEN_TIMEOUT_S} s") from None
    if done.returncode != 0:
        raise _UnableError(f"mvn: {_first_line(done.stdout or done.stderr)}")


def _pom(jars: Sequence[Jar]) -> str:
    """Build a project whose class path is the given jars and nothing that they would pull in."""
    dependency = (
        "<dependency><groupId>{}</groupId><artifactId>{}</artifactId><version>{}</version>"
        "<exclusions><exclusion><groupId>*</groupId><artifactId>*</artifactId></exclusion></exclusions></dependency>"
    )
    entries = (dependency.format(*map(escape, (jar.group, jar.artifact, jar.version))) for jar in jars)
    return (
        "<project><modelVersion>4.0.0</modelVersion><groupId>tieout</groupId><artifactId>broker</artifactId>"
        "<version>1</version><packaging>pom</packaging><dependencies>"
        + "".join(entries)
        + "</dependencies></project>"
    )


def _first_line(message: object) -> str:
    lines = str(message).strip().splitlines()
    return lines[0][:300] if lines else type(message).__name__
