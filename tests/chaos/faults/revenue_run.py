"""F1, during the revenue run: workers of the contract agent that die in the middle of its sweep."""

from __future__ import annotations

import subprocess
import time
from collections import Counter

from chaos.anomalies import Anomaly, FaultResult
from chaos.contract_ground import ContractGround, end
from chaos.faults.kill import kill_workers
from chaos.stage import Stage, until

from measuring.contract_subject import ContractSubject

KILLS = (1, 3)
"""At which passages of a slice of the sweep the two workers are killed."""

ENTRY = "from tieout.streams.operate.cli import main; main()"
GAP_SECONDS = 5.0


def kill_workers_and_revenue_runs(stage: Stage) -> FaultResult:
    """All of F1: the comparison job at every point that it passes, then the contract agent's revenue run."""
    result = kill_workers(stage)
    revenue = kill_in_revenue_run(stage)
    result.anomalies += revenue.anomalies
    result.counts |= revenue.counts
    result.recoveries += revenue.recoveries
    return result


def kill_in_revenue_run(stage: Stage) -> FaultResult:
    """A year of events, then a revenue run that both workers die of; restarted, they finish it to the cent."""
    result = FaultResult(fault="F1", title="worker killed in the revenue run")
    broker = stage.own_broker("F1")
    subject = ContractSubject(contracts=stage.count(1_000, least=150), seed=stage.seed)
    ground = ContractGround(stage, broker.bootstrap, subject, stage.room("F1-revenue"))
    try:
        ground.prepare()
        workers = [start(ground, name) for name in ("one", "two")]
        sent = ground.send(subject.deliveries(1 << 40))
        received = ground.await_received(sent)
        if received != sent:
            result.anomalies.append(
                Anomaly("lost-write", "totals", f"{sent} sent, {received} have an outcome")
            )
        time.sleep(GAP_SECONDS + 2)  # what waits for ever becomes an exception before the oracle looks
        for worker in workers:
            end(worker)
        killed = run_revenue_and_die(ground)
        began = time.monotonic()
        for name in ("one", "two"):
            start(ground, name)
        if not ground.await_rest():
            result.anomalies.append(Anomaly("unseen", "revenue run", "it was not acknowledged in time"))
        result.recoveries.append(time.monotonic() - began)
        result.anomalies += [
            Anomaly("wrong-state", "the oracle", each) for each in ground.differences(Counter())
        ]
        result.counts |= {"kills in the revenue run": killed, "events before it": sent}
        stage.say(f"F1 {killed} kills in the revenue run over {sent} events")
    finally:
        ground.stop()
    stage.let_go(broker)
    return result


def start(ground: ContractGround, name: str, **more: str) -> subprocess.Popen[bytes]:
    """One worker of the installation that both belong to."""
    return ground.start(
        name,
        ["-c", ENTRY, "worker"],
        TIEOUT_APP_ID="chaos",
        TIEOUT_TICK_SECONDS="1",
        TIEOUT_GAP_TIMER_SECONDS=str(GAP_SECONDS),
        **more,
    )


def run_revenue_and_die(ground: ContractGround) -> int:
    """Ask for the run with both workers armed; how many died of it. One that never swept so far is stopped."""
    armed = [
        start(ground, name, TIEOUT_FAULT_POINTS=f"during_work=kill@{passage}")
        for name, passage in zip(("one", "two"), KILLS, strict=True)
    ]
    ground.recognise_revenue()
    until(lambda: all(process.poll() is not None for process in armed), 30)
    died = sum(process.poll() is not None for process in armed)
    for process in armed:
        end(process)
    return died
