"""How ``tieout worker`` ends: at the first signal in good order, at a second one at once, and always ready to come back."""

from __future__ import annotations

import signal
import time

import pytest

pytestmark = pytest.mark.broker

STOP_SECONDS = 10.0


@pytest.mark.full
def test_a_worker_ends_at_the_first_signal_in_good_order_and_at_the_second_at_once(
    installation, wait_until, note
):
    assert installation.run("topics", "apply").returncode == 0
    for signals, statuses in (
        ((signal.SIGTERM,), {0}),
        ((signal.SIGINT,), {0}),
        ((signal.SIGTERM, signal.SIGTERM), {0, 1}),
    ):
        installation.start_worker()
        wait_until("it works", lambda: installation.findings()[0] == 0, 90)
        began = time.monotonic()
        for number in signals:
            installation.worker.send_signal(number)
            time.sleep(0.05)
        assert installation.worker.wait(STOP_SECONDS) in statuses, (
            installation.folder / "worker.log"
        ).read_text()
        note("stop_seconds", round(time.monotonic() - began, 2))
    installation.start_worker()
    wait_until("it works again", lambda: installation.findings()[0] == 0, 90)
