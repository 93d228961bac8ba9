"""``tieout broker`` as people and scripts use it: output, exit status, and no process left behind."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

pytestmark = pytest.mark.broker

TIEOUT = str(Path(sys.executable).with_name("tieout"))


def tieout(*arguments):
    return subprocess.run([TIEOUT, *arguments], capture_output=True, text=True, check=False, timeout=120)


def processes_of(directory):
    """A node is two processes: Java, and the guard that was given Java's command line."""
    found = []
    for process in psutil.process_iter(["cmdline", "status"]):
        line = process.info["cmdline"] or []
        if "kafka.Kafka" in line and line[-1].startswith(f"{directory}/"):
            found.append(process.pid)
    return found


def runs(pid):
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def wait_for(condition, seconds=20.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.1)


def test_start_status_and_stop_agree_on_one_background_broker(tmp_path):
    where = ("--data-dir", str(tmp_path))
    started = tieout("broker", "start", *where, "--port", "0", "--heap-mb", "256", "--json")
    assert started.returncode == 0, started.stderr
    document = json.loads(started.stdout)
    assert document["state"] == "running"
    assert document["kafka_version"] == "4.1.1"
    try:
        seen = tieout("broker", "status", *where, "--json")
        assert (seen.returncode, json.loads(seen.stdout)) == (0, document)
        again = tieout("broker", "start", *where, "--port", "0")
        assert again.returncode == 3
        assert f"process {document['pid']} at {document['bootstrap']}" in again.stderr
        assert "next:" in again.stderr
    finally:
        stopped = tieout("broker", "stop", *where)
    assert (stopped.returncode, stopped.stdout) == (0, "stopped\n")
    assert processes_of(tmp_path) == []
    wait_for(lambda: not runs(document["pid"]))
    gone = tieout("broker", "status", *where, "--json")
    assert (gone.returncode, json.loads(gone.stdout)["state"]) == (4, "stopped")
    assert tieout("broker", "stop", *where).returncode == 0


def test_start_tells_why_the_background_broker_could_not_and_leaves_nothing(tmp_path, broker):
    port = broker.bootstrap.rpartition(":")[2]
    failed = tieout("broker", "start", "--data-dir", str(tmp_path), "--port", port)
    assert failed.returncode == 3
    assert "another process listens on the port" in failed.stderr
    assert processes_of(tmp_path) == []


def test_two_nodes_are_a_usage_error(tmp_path):
    refused = tieout("broker", "run", "--data-dir", str(tmp_path), "--nodes", "2")
    assert refused.returncode == 2
    assert "1 or 3 nodes" in refused.stderr


def start_run(directory):
    """``tieout broker run`` under a parent of its own; returns (parent, document that it printed)."""
    parent = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import subprocess, sys; subprocess.run(sys.argv[1:])",
            *(
                TIEOUT,
                "broker",
                "run",
                "--data-dir",
                str(directory),
                "--port",
                "0",
                "--heap-mb",
                "256",
                "--json",
            ),
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    return parent, json.loads(parent.stdout.readline())


@pytest.mark.parametrize("killed", ["the command", "its parent"])
def test_run_leaves_no_java_when_it_or_its_parent_is_killed(tmp_path, killed):
    parent, document = start_run(tmp_path)
    assert len(processes_of(tmp_path)) == 2
    os.kill(document["pid"] if killed == "the command" else parent.pid, signal.SIGKILL)
    parent.wait(20)
    parent.stdout.close()
    wait_for(lambda: not processes_of(tmp_path) and not runs(document["pid"]))


def test_a_broker_that_another_program_owns_is_not_stopped_by_name(broker):
    directory = str(broker.nodes[0].home.parent)
    refused = tieout("broker", "stop", "--data-dir", directory)
    assert refused.returncode == 3
    assert "belongs to another program" in refused.stderr
    broker.check_alive()
    assert tieout("broker", "status", "--data-dir", directory).returncode == 0
