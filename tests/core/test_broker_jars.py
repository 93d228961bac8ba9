"""Kafka's jars: pinned, fetched once, verified each time. Nothing here touches a network beyond the loopback."""

import hashlib
import http.server
import threading
from dataclasses import replace
from functools import partial

import pytest

from tieout.streams.operate.broker import fetch, jars
from tieout.streams.operate.broker.errors import ChecksumError, DiskFullError, FetchError
from tieout.streams.operate.broker.jars import Jar, Lock, ensure_jars, jar_directory, read_lock

CONTENTS = {"a-1.jar": b"first", "b-2.jar": b"second"}


def pinned(group, artifact, version, contents):
    return Jar(group, artifact, version, hashlib.sha256(contents).hexdigest(), len(contents))


LOCK = Lock(
    "9.9",
    (pinned("org.x", "a", "1", CONTENTS["a-1.jar"]), pinned("org.y", "b", "2", CONTENTS["b-2.jar"])),
    "0123456789abcdef",
)


def write_all(wanted, directory):
    for jar in wanted:
        (directory / jar.filename).write_bytes(CONTENTS[jar.filename])


def refuse(_, directory):
    raise FetchError("no network", where=directory, next_step="connect")


def test_the_packaged_lock_pins_every_jar_by_sha256_and_brings_a_logger():
    lock = read_lock()
    names = {jar.artifact for jar in lock.jars}
    assert lock.kafka_version == "4.1.1"
    assert all(len(jar.sha256) == 64 and jar.size_bytes > 0 for jar in lock.jars)
    assert {"kafka_2.13", "kafka-clients", "log4j-slf4j-impl", "log4j-core"} <= names
    assert len(names) == len(lock.jars)


def test_jars_are_fetched_once_and_work_offline_afterwards(tmp_path):
    directory = ensure_jars(write_all, tmp_path, LOCK)
    assert sorted(path.name for path in directory.iterdir()) == ["a-1.jar", "b-2.jar"]
    assert ensure_jars(refuse, tmp_path, LOCK) == directory


def test_a_jar_with_another_checksum_is_never_used_and_leaves_no_cache(tmp_path):
    def tamper(wanted, directory):
        write_all(wanted, directory)
        (directory / "b-2.jar").write_bytes(b"not what was pinned")

    with pytest.raises(ChecksumError, match=r"b-2\.jar is not the jar that this release pins") as caught:
        ensure_jars(tamper, tmp_path, LOCK)
    assert "delete" in caught.value.next_step
    assert list(tmp_path.iterdir()) == []


def test_a_cached_jar_that_changed_is_noticed_on_the_next_start(tmp_path):
    directory = ensure_jars(write_all, tmp_path, LOCK)
    (directory / "a-1.jar").write_bytes(b"FIRST")
    with pytest.raises(ChecksumError, match=r"a-1\.jar"):
        ensure_jars(refuse, tmp_path, LOCK)


def test_a_missing_jar_in_the_cache_is_a_checksum_error_not_a_class_path_with_a_hole(tmp_path):
    (ensure_jars(write_all, tmp_path, LOCK) / "a-1.jar").unlink()
    with pytest.raises(ChecksumError, match="no such file"):
        ensure_jars(refuse, tmp_path, LOCK)


def test_an_interrupted_fetch_leaves_nothing_that_looks_complete(tmp_path):
    def break_off(wanted, directory):
        write_all(wanted[:1], directory)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ensure_jars(break_off, tmp_path, LOCK)
    assert list(tmp_path.iterdir()) == []


def test_two_processes_that_fetch_at_once_both_end_with_the_same_directory(tmp_path):
    def fetch_while_another_finishes(wanted, directory):
        write_all(wanted, directory)
        ensure_jars(write_all, tmp_path, LOCK)

    directory = ensure_jars(fetch_while_another_finishes, tmp_path, LOCK)
    assert directory == jar_directory(LOCK, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [directory.name]


def test_too_little_disk_space_is_said_before_the_download(tmp_path):
    huge = Lock("9.9", (replace(LOCK.jars[0], size_bytes=1 << 60),), LOCK.digest)
    with pytest.raises(DiskFullError, match=r"fetching Kafka needs .* MiB are free"):
        ensure_jars(refuse, tmp_path, huge)


def test_a_cache_that_cannot_be_written_is_said_with_the_variable_that_names_another(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(FetchError, match="cannot be written") as caught:
        ensure_jars(write_all, tmp_path / "file" / "cache", LOCK)
    assert "TIEOUT_CACHE_DIR" in caught.value.next_step


def test_the_cache_follows_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("TIEOUT_CACHE_DIR", raising=False)
    assert jars.cache_directory() == tmp_path / "tieout"
    monkeypatch.setenv("TIEOUT_CACHE_DIR", str(tmp_path / "elsewhere"))
    assert jars.cache_directory() == tmp_path / "elsewhere"


def test_no_network_at_the_first_fetch_names_both_ways_tried_and_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setenv("TIEOUT_MAVEN_URL", "http://127.0.0.1:1/repository")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(
        FetchError, match=r"2 jars are not in the cache.*jgo: .*; mvn is not installed"
    ) as caught:
        ensure_jars(fetch.download, tmp_path / "cache", LOCK)
    assert "connect to the network once" in caught.value.next_step
    assert list((tmp_path / "cache").iterdir()) == []


def test_jars_come_from_a_maven_repository_with_python_alone(tmp_path, monkeypatch, maven_repository):
    monkeypatch.setenv("TIEOUT_MAVEN_URL", maven_repository)
    monkeypatch.setenv("PATH", str(tmp_path))
    directory = ensure_jars(fetch.download, tmp_path / "cache", LOCK)
    assert sorted(path.name for path in directory.iterdir()) == ["a-1.jar", "b-2.jar"]


def test_maven_is_asked_for_exactly_the_pinned_jars_when_jgo_cannot(tmp_path, monkeypatch):
    binary = tmp_path / "bin" / "mvn"
    binary.parent.mkdir()
    binary.write_text(
        "#!/bin/sh\n"
        'for a in "$@"; do case $a in -DoutputDirectory=*) out=${a#*=};; *.xml) pom=$a;; esac; done\n'
        f"cat $pom > {tmp_path}/pom.xml; printf first > $out/a-1.jar; printf second > $out/b-2.jar\n"
    )
    binary.chmod(0o755)
    monkeypatch.setenv("TIEOUT_MAVEN_URL", "http://127.0.0.1:1/repository")
    monkeypatch.setenv("PATH", f"{binary.parent}:/bin:/usr/bin")
    ensure_jars(fetch.download, tmp_path / "cache", LOCK)
    pom = (tmp_path / "pom.xml").read_text()
    assert "<groupId>org.x</groupId><artifactId>a</artifactId><version>1</version>" in pom
    assert pom.count("<exclusion><groupId>*</groupId><artifactId>*</artifactId></exclusion>") == 2


@pytest.fixture
def maven_repository(tmp_path):
    """URL of a Maven repository on the loopback with the two jars of LOCK."""
    root = tmp_path / "repository"
    for jar in LOCK.jars:
        place = root / jar.group.replace(".", "/") / jar.artifact / jar.version
        place.mkdir(parents=True)
        (place / jar.filename).write_bytes(CONTENTS[jar.filename])

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(root)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    thread.join()
    server.server_close()
