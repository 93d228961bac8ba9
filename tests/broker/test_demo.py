"""Goal: the demo ties out in a small size, with a kill, and leaves nothing behind however it ends.

Method: the very command of ``make demo``, on a broker of its own, judged by the independent oracle.
"""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

DEMO = Path(__file__).resolve().parents[1] / "oracle" / "demo_with_oracle.py"

pytestmark = pytest.mark.broker


def run_demo(tmp_path, *options: str) -> dict:
    figures = tmp_path / "figures.json"
    done = subprocess.run(
        [sys.executable, str(DEMO), "--json", str(figures), "--keep-dir", str(tmp_path / "demo"), *options],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-3000:]
    return json.loads(figures.read_text())


def assert_tied_out(figures: dict) -> None:
    assert figures["tied_out"], figures["problems"]
    assert (figures["lost"], figures["duplicated"], figures["oracle_difference"]) == (0, 0, 0)
    assert figures["events"]["received"] == figures["events"]["sent"] > 0
    assert figures["erp_difference"] == 0
    assert figures["erp"]["documents"] == figures["erp"]["commands"] == sum(figures["commands"].values()) > 0
    assert figures["told_late"]["events"] > 0
    assert set(figures["told_late"]["posted_into"]) == {"2025-04"}


def test_a_small_day_with_two_workers_and_a_kill_ties_out(tmp_path):
    figures = run_demo(tmp_path, "--contracts", "400", "--partitions", "4", "--kills", "1", "--seed", "11")
    assert_tied_out(figures)
    assert figures["kills"] == 1
    assert figures["recovery_seconds"][0] > 0
    assert figures["events"]["outcomes"]["duplicate"] > 0
    assert figures["events"]["outcomes"]["conflict"] > 0


@pytest.mark.full
@pytest.mark.parametrize(
    "options",
    [
        ("--seed", "12", "--workers", "4", "--kills", "5"),
        ("--seed", "13", "--partitions", "1", "--workers", "1"),
        ("--seed", "14", "--scenario", "quarter-end", "--kills", "3"),
        ("--seed", "15", "--scenario", "renewal-wave"),
        ("--seed", "16", "--scenario", "usage-surge"),
    ],
)
def test_other_days_with_other_shapes_tie_out(tmp_path, options):
    assert_tied_out(run_demo(tmp_path, "--contracts", "2000", *options))


def test_an_interrupted_demo_leaves_no_process_behind(tmp_path):
    """What runs in a shell's background ignores the interrupt, and so would the demo without ``env``."""
    plain = ["env", "--default-signal=INT", sys.executable]
    demo = subprocess.Popen(
        [*plain, str(DEMO), "--contracts", "3000", "--keep-dir", str(tmp_path / "demo")],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    started = wait_for_children(demo.pid, at_least=5)
    os.kill(demo.pid, signal.SIGINT)
    assert demo.wait(60) == 130
    assert left_of(started) == []


def test_a_killed_demo_leaves_no_process_behind(tmp_path):
    demo = subprocess.Popen(
        [sys.executable, str(DEMO), "--contracts", "3000", "--keep-dir", str(tmp_path / "demo")],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    started = wait_for_children(demo.pid, at_least=5)
    demo.kill()
    demo.wait(10)
    assert left_of(started) == []


def wait_for_children(pid: int, at_least: int) -> list[psutil.Process]:
    """Guards, the broker's JVM and the workers: five processes and more."""
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        children = psutil.Process(pid).children(recursive=True)
        if len(children) >= at_least:
            return children
        time.sleep(0.2)
    pytest.fail(f"the demo started {len(children)} processes within 90 s")


def left_of(processes: list[psutil.Process]) -> list[str]:
    """What still runs of them after a while."""
    _, alive = psutil.wait_procs(processes, timeout=40)
    return [" ".join(process.cmdline()) for process in alive]
