"""F13: records that nobody should have written, between good ones, into the contract agent's inbox."""

from __future__ import annotations

import os
import random
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from chaos.anomalies import Anomaly, FaultResult
from chaos.contract_ground import ContractGround, Record, end
from chaos.stage import Stage

from measuring.contract_subject import ContractSubject

TITLE = "poison in the inbox"
POISON, RSS_BYTES_MAX = 5_000, 64 << 20
CANARY = "CANARY-jane.doe@example.com-4111111111111111"
"""Stands for personal data and secrets: it is in every poisoned record, and may be in nothing that is said."""
MEBIBYTE = (1 << 20) - 200
ENTRY = "from tieout.streams.operate.cli import main; main()"


def poison_the_inbox(stage: Stage) -> FaultResult:
    """Five thousand of them: cut at every byte, flipped, of unknown schemas, empty, huge, bombs, under wrong keys."""
    began = time.monotonic()
    result = FaultResult(fault="F13", title=TITLE)
    broker = stage.own_broker("F13")
    subject = ContractSubject(contracts=stage.count(1_200, least=150), seed=stage.seed)
    ground = ContractGround(stage, broker.bootstrap, subject, stage.room("F13"))
    try:
        ground.prepare()
        process = ground.start(
            "poisoned", ["-c", ENTRY, "worker"], TIEOUT_TICK_SECONDS="1", TIEOUT_GAP_TIMER_SECONDS="5"
        )
        assert process.stdout is not None
        pid = int(process.stdout.readline())
        play(stage, ground, result, pid)
        if end(process) != 0:
            result.anomalies.append(Anomaly("crash", "the worker", "it did not stop as it was asked to"))
    finally:
        ground.stop()
    stage.let_go(broker)
    result.seconds = time.monotonic() - began
    return result


def play(stage: Stage, ground: ContractGround, result: FaultResult, pid: int) -> None:
    """Good records, then good and bad ones mixed; then count and ask the oracle."""
    chance = stage.chance("F13")
    good = [(part, key, value) for part, key, value in ground.subject.deliveries(1 << 40)]
    bad = list(corpus(good, stage.count(POISON, least=300), chance))
    half = len(good) // 2
    sent = ground.send(good[:half])
    ground.await_received(sent)
    before = rss_bytes(pid)
    sent += ground.send(mixed(good[half:], [record for _, record in bad], chance))
    received = ground.await_received(sent)
    after = rss_bytes(pid)
    stage.say(f"F13 {sent} sent, {received} received, RSS {before >> 20} to {after >> 20} MiB")
    result.counts |= {
        "deliveries": sent,
        "poisoned": len(bad),
        **Counter(f"poisoned: {kind}" for kind, _ in bad),
    }
    result.figures |= {"rss_mb_before": before >> 20, "rss_mb_after": after >> 20}
    if received != sent:
        result.anomalies.append(
            Anomaly("lost-write", "control totals", f"{sent} sent, {received} have an outcome")
        )
    if after - before > RSS_BYTES_MAX:
        result.anomalies.append(Anomaly("unbounded", "memory", f"it grew by {(after - before) >> 20} MiB"))
    time.sleep(7)  # the gap timer, so that what waits for ever is an exception before the oracle looks
    ground.recognise_revenue()
    if not ground.await_rest():
        result.anomalies.append(Anomaly("unseen", "revenue run", "it was not acknowledged in time"))
    judge(ground, result, len(bad))


def judge(ground: ContractGround, result: FaultResult, poisoned: int) -> None:
    """Dead letters have reasons, good contracts are right to the cent, and the canary is nowhere."""
    letters = {message.dead_letter_id: message for message in ground.messages("dead-letters")}
    reasons = Counter(letter.reason for letter in letters.values())
    result.counts |= {f"dead letters {reason}": count for reason, count in sorted(reasons.items())}
    if any(not (letter.reason and letter.detail and letter.next_step) for letter in letters.values()):
        result.anomalies.append(Anomaly("lost-write", "dead letters", "some have no reason"))
    if len(letters) != poisoned:
        result.anomalies.append(
            Anomaly("lost-write", "dead letters", f"{len(letters)} for {poisoned} records")
        )
    for finding in ground.differences(reasons)[:5]:
        result.anomalies.append(Anomaly("wrong-state", "the oracle", finding))
    result.anomalies += leaks(ground)


def leaks(ground: ContractGround) -> Iterator[Anomaly]:
    """Where the canary can be read although nobody may."""
    canary = CANARY.encode()
    if canary in ground.log_of("poisoned").read_bytes():
        yield Anomaly("secret-leaked", "the log", "the canary is in it")
    found: Counter[str] = Counter()
    for record in ground.said():
        texts = (record.key or b"", *(value for _, value in record.headers))
        if any(canary in text for text in texts) or (
            "dead" in record.topic and canary in (record.value or b"")
        ):
            found[record.topic] += 1
    for topic, count in found.items():
        yield Anomaly("secret-leaked", topic, f"the canary is in {count} records")


def rss_bytes(pid: int) -> int:
    """Resident memory of a process now."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def mixed(good: list[Record], bad: list[Record], chance: random.Random) -> list[Record]:
    """The good ones in their order, the bad ones anywhere between."""
    places = sorted(chance.randrange(len(good)) for _ in bad)
    woven: list[Record] = []
    taken = 0
    for number, record in enumerate(good):
        while taken < len(bad) and places[taken] <= number:
            woven.append(bad[taken])
            taken += 1
        woven.append(record)
    return woven + bad[taken:]


def corpus(good: list[Record], count: int, chance: random.Random) -> Iterator[tuple[str, Record]]:
    """(kind, record), ``count`` of them: half are cuts and flips, the rest are one of each other kind in turn."""
    cuts = _cuts(good, chance)
    for number in range(count):
        if number % 4 == 0:
            yield "cut at a byte", next(cuts)
        elif number % 4 == 1:
            yield "bits flipped", _flipped(good, chance)
        else:
            kind = list(KINDS)[(number // 4 * 2 + number % 2) % len(KINDS)]
            yield (
                kind,
                (chance.randrange(4), _key(chance), KINDS[kind](chance.choice(good)[2] or b"", chance)),
            )


def _key(chance: random.Random) -> bytes:
    return f"poison/POISON{chance.randrange(50)}-{CANARY}".encode()


def _cuts(good: list[Record], chance: random.Random) -> Iterator[Record]:
    """One record after the other, cut at each of its bytes."""
    while True:
        value = chance.choice(good)[2] or b""
        for length in range(1, len(value)):
            yield chance.randrange(4), _key(chance), value[:length]


def _flipped(good: list[Record], chance: random.Random) -> Record:
    raw = bytearray(chance.choice(good)[2] or b"")
    for _ in range(chance.randint(1, 3)):
        raw[chance.randrange(len(raw))] ^= 1 << chance.randrange(8)
    return chance.randrange(4), _key(chance), bytes(raw)


KINDS = {
    "tombstone": lambda value, chance: None,
    "empty": lambda value, chance: b"",
    "unknown schema": lambda value, chance: b"\0" + chance.randbytes(4) + value[5:] + CANARY.encode(),
    "another format": lambda value, chance: b'{"customer": "%b", "amount": NaN}' % CANARY.encode(),
    "trailing bytes": lambda value, chance: value + CANARY.encode(),
    "array of two milliards": lambda value, chance: value[:-1] + b"\xfe\xff\xff\xff\x0f" + CANARY.encode(),
    "number of too many bytes": lambda value, chance: value[:5] + b"\xff" * 400,
    "length below zero": lambda value, chance: value[:5] + b"\x01" * 40,
    "no text": lambda value, chance: value[:5] + b"\x08\xff\xfe\xfd\xfc" + value[10:],
    "a good record under a wrong key": lambda value, chance: value,
    "a mebibyte": lambda value, chance: value[:5] + bytes(MEBIBYTE) if chance.random() < 0.1 else value[:6],
    "noise": lambda value, chance: chance.randbytes(chance.randint(1, 300)) + CANARY.encode(),
}
"""Kind -> what it makes of a good value."""
