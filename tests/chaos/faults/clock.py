"""F12: the worker's wall clock is wrong; what it says about one log is the same in bytes."""

from __future__ import annotations

import hashlib
import time
from collections import defaultdict
from pathlib import Path

from chaos.anomalies import Anomaly, FaultResult
from chaos.contract_ground import ContractGround, end
from chaos.reading import places, read_all
from chaos.stage import Stage

from measuring.contract_subject import ContractSubject
from tieout.streams import topics

TITLE = "wall clock wrong"
ENTRY = Path(__file__).resolve().parents[1] / "contract_worker.py"
HOUR, DAY = 3600.0, 86_400.0
SKEWS = {
    "true": (0.0, 0.0),
    "an hour ahead": (HOUR, 0.0),
    "an hour behind": (-HOUR, 0.0),
    "set back five minutes while it runs": (-300.0, 4.0),
    "four hundred days ahead": (400 * DAY, 0.0),
}
"""Name -> (seconds off, from so many seconds after the start on)."""

TIMED = (topics.CONTROL_TOTALS,)
"""Running totals are said when there is time to; only the last ones per key are compared."""

Digests = dict[tuple[str, int, bytes | None], str]
"""By topic, partition and key: two ERP accounts are two partitions, and nothing orders one against the other."""


def skew_the_clock(stage: Stage) -> FaultResult:
    """One log with a revenue run, read five times into empty worlds, each time under another clock."""
    began = time.monotonic()
    result = FaultResult(fault="F12", title=TITLE)
    broker = stage.own_broker("F12")
    subject = ContractSubject(contracts=stage.count(800, least=150), seed=stage.seed)
    ground = ContractGround(stage, broker.bootstrap, subject, stage.room("F12"))
    try:
        ground.prepare()
        sent = ground.send(subject.deliveries(1 << 40))
        ground.recognise_revenue()
        right: Digests = {}
        for number, (name, (seconds, after)) in enumerate(SKEWS.items()):
            said, problem = read_under(ground, f"clock{number}-", seconds, after)
            if problem:
                result.anomalies.append(Anomaly("unseen", name, problem))
            right = right or said
            result.anomalies += differences(name, right, said)
            result.counts[f"records said, clock {name}"] = len(said)
            stage.say(f"F12 clock {name}: {len(said)} keys said")
        result.counts["deliveries"] = sent
    finally:
        ground.stop()
    stage.let_go(broker)
    result.seconds = time.monotonic() - began
    return result


def read_under(ground: ContractGround, prefix: str, seconds: float, after: float) -> tuple[Digests, str]:
    """What a worker with that clock says; and why it did not finish, if it did not."""
    ground.make_outputs(prefix)
    worker = ground.start(
        f"{prefix}worker", [str(ENTRY), prefix, str(seconds), str(after)], TIEOUT_TICK_SECONDS="3600"
    )
    rested = ground.await_rest(prefix)
    status = end(worker)
    problem = "" if rested else "the revenue run was not acknowledged in time"
    return said_by_key(ground, prefix), problem or ("" if status == 0 else f"the worker ended with {status}")


def said_by_key(ground: ContractGround, prefix: str) -> Digests:
    """(topic, partition, key) -> hash of all its values in order; of totals the last one."""
    hashes: Digests = defaultdict(str)
    for topic, count in ground.outputs(prefix).items():
        plain = topic.removeprefix(prefix)
        for record in read_all(ground.bootstrap, places((topic,), count)):
            where = plain, record.partition, record.key
            before = "" if plain in TIMED else hashes[where]
            hashes[where] = hashlib.blake2b(before.encode() + (record.value or b"-")).hexdigest()
    return dict(hashes)


def differences(name: str, right: Digests, said: Digests) -> list[Anomaly]:
    """Up to five keys whose records differ in bytes."""
    wrong = [where for where in right.keys() | said.keys() if right.get(where) != said.get(where)]
    wrong.sort(key=str)
    return [
        Anomaly(
            "divergent-replay",
            f"{topic}/{partition}, key {key!r}",
            f"other bytes than with a true clock ({name})",
        )
        for topic, partition, key in wrong[:5]
    ]
