"""The checker and the truth, on logs made by hand: each wrong log has its name."""

from __future__ import annotations

import io
from types import SimpleNamespace

import fastavro
import pytest
from chaos.checking import Findings, OutputChecker
from chaos.faults import poison
from chaos.faults.poison import leaks
from chaos.report import histogram, sparkline
from chaos.truth import Truth, _schema

from comparison.generator import job_events

CANARY = poison.CANARY.encode()
DELIVERIES = list(job_events(3, 20, 400, duplicate_share=0.1, displaced_share=0.3, window=50))


def framed(kind: str, number: int, fields: dict) -> bytes:
    out = io.BytesIO()
    fastavro.schemaless_writer(out, _schema(kind), fields)
    return b"\0" + number.to_bytes(4, "big") + out.getvalue()


def right_log(truth: Truth) -> list[tuple[str, bytes]]:
    """What a right engine says, contract by contract."""
    log = []
    for contract, said in truth.said.items():
        for sequence, each in enumerate(said, 1):
            log.append(("commands", framed("command", 2, each.command(contract, sequence))))
            log.append(("revenue", framed("revenue", 3, each.revenue(contract, sequence))))
    return log


def judge(log: list[tuple[str, bytes]], truth: Truth) -> set[str]:
    findings = Findings()
    checker = OutputChecker(truth, "commands", "revenue", findings)
    for number, (topic, value) in enumerate(log):
        checker.take(topic, f"{topic}@{number}", value)
    checker.finish(len(DELIVERIES))
    return findings.names()


def swap(log, one, other):
    log[one], log[other] = log[other], log[one]
    return log


@pytest.mark.parametrize(
    ("spoil", "names"),
    [
        pytest.param(lambda log: log, set(), id="nothing"),
        pytest.param(lambda log: log[:100] + log[101:], {"lost-write", "out-of-order"}, id="one is missing"),
        pytest.param(lambda log: log[:-1], {"lost-write"}, id="the last is missing"),
        pytest.param(lambda log: [*log, log[5]], {"duplicate"}, id="one comes twice"),
        pytest.param(lambda log: swap(log, 4, 6), {"out-of-order"}, id="two have changed places"),
    ],
)
def test_a_wrong_log_has_its_name(spoil, names):
    truth = Truth(DELIVERIES)
    assert judge(spoil(right_log(truth)), truth) == names


def test_a_wrong_balance_and_an_output_without_event_are_named():
    truth = Truth(DELIVERIES)
    contract = next(iter(truth.said))
    said = truth.said[contract][0]
    wrong = framed("revenue", 3, {**said.revenue(contract, 1), "balance_minor": said.balance + 1})
    log = right_log(truth)
    log[1] = ("revenue", wrong)
    assert judge(log, truth) == {"wrong-state"}
    assert judge([*log, log[0], ("revenue", right_log(truth)[1][1])], truth) == {
        "wrong-state",
        "duplicate",
        "divergent-duplicate",
    }
    ghost = framed("command", 2, said.command("C-99999999", 1))
    assert judge([*right_log(truth), ("commands", ghost)], truth) == {"phantom"}


@pytest.mark.parametrize(
    ("topic", "key", "value", "headers", "log", "names"),
    [
        pytest.param("commands", b"k", CANARY, (), b"", set(), id="nowhere but in a payload"),
        pytest.param("dead-letters", b"k", CANARY, (), b"", {"secret-leaked"}, id="in a dead letter"),
        pytest.param("commands", CANARY, b"", (), b"", {"secret-leaked"}, id="in a key"),
        pytest.param("commands", None, None, (("h", CANARY),), b"", {"secret-leaked"}, id="in a header"),
        pytest.param("commands", b"k", b"", (), CANARY, {"secret-leaked"}, id="in the log"),
    ],
)
def test_a_canary_is_found_wherever_it_may_not_be(tmp_path, topic, key, value, headers, log, names):
    said = SimpleNamespace(topic=topic, key=key, value=value, headers=headers)
    (tmp_path / "poisoned").write_bytes(b"a line, " + log)
    ground = SimpleNamespace(log_of=lambda name: tmp_path / name, said=lambda: [said])
    assert {anomaly.name for anomaly in leaks(ground)} == names


def test_what_is_due_counts_contiguous_events_only():
    truth = Truth(DELIVERIES)
    after = truth.due_after_each()
    assert [after[number] for number in (0, 1, 60, 200)] == [
        truth.due_count(number) for number in (0, 1, 60, 200)
    ]
    assert after[-1] == 400


def test_the_report_s_figures():
    assert histogram([0.1, 0.5, 0.6, 500.0]) | {} == {**histogram([]), "0.5": 2, "1": 1, "more": 1}
    assert sparkline([0, 4, 8]).rstrip() == " ▄█"
