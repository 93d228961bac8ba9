"""The faults of the campaign by number, in the order in which they are played."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from chaos.anomalies import FaultResult
from chaos.faults.broker import kill_leaders, restart_broker
from chaos.faults.clock import skew_the_clock
from chaos.faults.combined import soak
from chaos.faults.corruption import corrupt_stores
from chaos.faults.delivery import deliver_badly
from chaos.faults.disk import fill_the_disk
from chaos.faults.freeze import pause_workers, wake_zombies
from chaos.faults.network import cut_workers_off, spoil_the_line
from chaos.faults.poison import poison_the_inbox
from chaos.faults.rebalance import storm
from chaos.faults.revenue_run import kill_workers_and_revenue_runs
from chaos.faults.shutdown import shut_down
from chaos.faults.starvation import starve
from chaos.stage import Stage

MATRIX: Mapping[str, tuple[str, Callable[[Stage], FaultResult]]] = {
    "F1": ("worker killed", kill_workers_and_revenue_runs),
    "F2": ("worker paused", pause_workers),
    "F3": ("broker restarted and killed", restart_broker),
    "F4": ("leaders killed in a cluster of three", kill_leaders),
    "F5": ("worker cut off from the cluster", cut_workers_off),
    "F6": ("slow and lossy line", spoil_the_line),
    "F7": ("zombie woken inside its transaction", wake_zombies),
    "F8": ("rebalance storm", storm),
    "F9": ("state disk full", fill_the_disk),
    "F10": ("state corrupted on disk", corrupt_stores),
    "F12": ("wall clock wrong", skew_the_clock),
    "F13": ("poison in the inbox", poison_the_inbox),
    "F16": ("copies, disorder, delay", deliver_badly),
    "F19": ("memory and processor starved", starve),
    "F20": ("stops under load", shut_down),
    "F21": ("all at once", soak),
}
