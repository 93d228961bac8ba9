"""The pure parts of the benchmarks: percentiles, the open loop, growing backlogs, stages, and the page that is written."""

import asyncio
import re
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from measuring import stages
from measuring.latency import Seen, Sent, backlog, longest_gaps, waits
from measuring.percentiles import medians, percentile, summary_ms
from measuring.schedule import Phase, bounds, due_times, lag_of
from measuring.sending import Delivery, drive
from reporting.limits import LIMITS
from reporting.markdown import figure, marked
from reporting.sections import SECTIONS
from reporting.targets import Target, all_targets, targets_table

ROOT = Path(__file__).resolve().parents[2]
REPO = "/checkout"


def test_a_percentile_is_a_sample_that_enough_others_are_not_above():
    ordered = list(range(1, 101))
    assert [percentile(ordered, share) for share in (0.5, 0.99, 0.999, 1.0)] == [50, 99, 100, 100]
    assert percentile([7], 0.5) == 7
    assert percentile([1, 2], 0.5) == 1
    assert percentile(list(range(1, 1001)), 0.999) == 999, "a float's last bit must not move the rank"


def test_a_summary_sorts_counts_and_speaks_milliseconds():
    assert summary_ms([0.003, 0.001, 0.002]) == {
        "samples": 3, "p50": 2.0, "p90": 3.0, "p99": 3.0, "p99.9": 3.0, "max": 3.0,
    }  # fmt: skip
    assert summary_ms([]) == {}


def test_medians_are_over_the_runs_that_have_the_figure():
    runs = [{"a": 1, "b": None}, {"a": 9}, {"a": 2, "b": 4.0}]
    assert medians(runs, ("a", "b", "c")) == {"a": 2, "b": 4.0}


def test_events_are_due_by_the_clock_and_never_by_the_worker():
    phases = [Phase("base", 2, 1.0), Phase("spike", 4, 0.5), Phase("base again", 2, 1.0)]
    assert list(due_times(phases)) == [0.0, 0.5, 1.0, 1.25, 1.5, 2.0]
    assert bounds(phases)["spike"] == (1.0, 1.5)


def sent_of(**batches):
    sent = Sent()
    for partition, (first, dues) in batches.items():
        sent.add(int(partition[1:]), first, dues)
    return sent


def test_a_delivery_waits_from_when_it_was_due_until_a_position_beyond_it_was_seen():
    sent = sent_of(p0=(10, [1.0, 1.1]), p1=(0, [1.0]))
    seen = [Seen(0.9, 0, 10), Seen(2.0, 0, 11), Seen(2.5, 1, 1), Seen(3.0, 0, 12)]
    assert [(wait.due, pytest.approx(wait.seconds)) for wait in waits(sent, seen)] == [
        (1.0, pytest.approx(1.0)),
        (1.1, pytest.approx(1.9)),
        (1.0, pytest.approx(1.5)),
    ]


def test_a_stall_of_the_worker_counts_for_every_event_that_was_due_in_it():
    dues = [n / 100 for n in range(100)]
    everything_at_once = waits(sent_of(p0=(0, dues)), [Seen(1.0, 0, 100)])
    assert summary_ms([wait.seconds for wait in everything_at_once])["p50"] == pytest.approx(500)


def test_what_was_never_seen_has_no_latency_and_stays_in_the_backlog():
    sent = sent_of(p0=(0, [0.0, 0.1, 0.2]))
    found = waits(sent, [Seen(0.15, 0, 1)])
    assert len(found) == 1
    assert [n for _, n in backlog(found, sent, 0.0, 0.31, 0.1)] == [1, 2, 2, 2]


class SlowBroker:
    """A producer whose broker answers nothing until ``events`` records have been handed over or wait in a batch."""

    def __init__(self, events):
        self.left = events
        self.answers = []
        self.offset = 0

    def create_batch(self):
        return SlowBatch(self)

    async def send_batch(self, batch, topic, partition):
        answer = asyncio.get_running_loop().create_future()
        self.answers.append((answer, SimpleNamespace(offset=self.offset)))
        self.offset += batch.count
        self.answer_if_done()
        return answer

    def answer_if_done(self):
        if self.left <= 0:
            for answer, told in self.answers:
                if not answer.done():
                    answer.set_result(told)


class SlowBatch:
    def __init__(self, broker):
        self.broker, self.count = broker, 0

    def append(self, key, value, timestamp):
        self.count += 1
        self.broker.left -= 1
        self.broker.answer_if_done()
        return True

    def size(self):
        return self.count * 100


async def test_a_broker_that_does_not_answer_does_not_hold_the_schedule():
    events = 300
    broker = SlowBroker(events)
    began = time.monotonic()
    deliveries = (Delivery(0, b"k", b"v") for _ in range(events))
    async with asyncio.timeout(30):
        sent = await drive(broker, "inbox", deliveries, [Phase("load", 2_000, 1.0)], began=began)
    assert sent.count == events, "every event was taken up, although nothing was answered before the last"
    dues = [due - began for _, part in sent.batches[0] for due in part]
    assert dues == pytest.approx([n / 2_000 for n in range(events)])
    assert sent.ends() == {0: events}


async def test_a_rate_that_is_too_far_beyond_the_worker_is_given_up():
    broker = SlowBroker(0)
    deliveries = (Delivery(0, b"k", b"v") for _ in range(600_000))
    load = [
        Phase("load", 1_000, 600.0)
    ]  # what is overdue goes out before it is asked: no stall of a test run is so long
    sent = await drive(
        broker, "inbox", deliveries, load, began=time.monotonic(), too_far=lambda count: count > 100
    )
    assert sent.stopped_early
    assert 100 < sent.count < 600_000


def test_a_rate_is_sustained_while_the_backlog_stands_and_not_when_it_grows():
    steady = lag_of([(t, 40 + (t % 2)) for t in range(20)])
    assert steady.is_sustained(1_000)
    growing = lag_of([(t, 100 * t) for t in range(20)])
    assert growing.growth == pytest.approx(100)
    assert growing.last == pytest.approx(1_900)
    assert not growing.is_sustained(1_000)
    assert lag_of([(t, 10 * t) for t in range(20)]).is_sustained(1_000), "one percent of the rate is noise"


def test_a_short_backlog_is_no_growth_however_steep():
    assert lag_of([(0, 0), (1, 100)]).is_sustained(1_000)


def test_a_partition_stands_from_its_last_progress_to_the_next():
    seen = [
        Seen(0.0, 0, 1),
        Seen(0.0, 1, 1),
        Seen(2.0, 0, 2),
        Seen(2.5, 0, 2),
        Seen(6.0, 0, 3),
        Seen(9.0, 1, 2),
    ]
    gaps = longest_gaps(seen, began=1.0, ended=7.0)
    assert gaps == {0: 4.0, 1: 6.0}, "partition 1 shows nothing in the window at all"


def folded(*stacks):
    return [f"{';'.join(stack)} {count}" for stack, count in stacks]


LOOP = f"_run_once ({REPO}/asyncio/base_events.py:1922)"
STEP = f"ContractTask.step ({REPO}/agents/pipeline.py:120)"


def test_a_sample_belongs_to_the_innermost_frame_that_a_rule_knows():
    found = stages.shares(
        folded(
            ((LOOP, STEP, f"Codec.decode ({REPO}/avro/codec.py:90)", "read (fastavro/_read.pyx:5)"), 3),
            ((LOOP, STEP, f"Codec.encode ({REPO}/avro/codec.py:120)"), 1),
            ((LOOP, STEP, f"RocksdbStore.get ({REPO}/tables/rocksdb_store.py:70)"), 2),
            ((LOOP, STEP), 1),
            (("unknown (<string>:1)",), 1),
        ),
        lambda path, line: "",
    )
    assert {stage: share for stage, share in found.items() if share} == {
        "decode": 0.375, "emit": 0.125, "store": 0.25, "decide": 0.125, "other": 0.125,
    }  # fmt: skip


def test_what_the_loop_does_for_somebody_is_his():
    write = f"_SelectorSocketTransport.write ({REPO}/asyncio/selector_events.py:1071)"
    send = f"AIOKafkaConnection.send ({REPO}/aiokafka/conn.py:300)"
    found = stages.shares(
        folded(
            ((LOOP, f"Sender._produce ({REPO}/aiokafka/producer/sender.py:9)", send, write), 3), ((LOOP,), 1)
        ),
        lambda path, line: "",
    )
    assert (found["commit"], found["loop"]) == (0.75, 0.25)


def test_a_sample_that_waits_is_no_work():
    waiting = f"select ({REPO}/lib/selectors.py:468)"
    found = stages.shares(
        folded(((LOOP, waiting), 90), ((LOOP, STEP), 10)),
        lambda path, line: (
            "fd_event_list = self._selector.poll(timeout, max_ev)" if "selectors" in path else ""
        ),
    )
    assert found["decide"] == 1.0


def test_a_line_that_calls_compiled_code_is_read():
    agent = f"JobTask.step ({REPO}/benchmarks/comparison/agent.py:70)"
    lines = lambda path, line: "event = self._decode(record.value)" if line == 70 else ""  # noqa: E731 - a stub
    assert stages.shares(folded(((LOOP, agent), 1)), lines)["decode"] == 1.0


def test_a_missed_target_is_shown_as_missed_and_an_unmeasured_one_is_not_met():
    assert Target("", 100, 100.0).verdict == "met"
    assert Target("", 100, 99.0).verdict == "**missed**"
    assert Target("", 100, 101.0, at_least=False).verdict == "**missed**"
    assert Target("", 100, None).verdict == "not measured"


def test_targets_read_their_figures_from_the_results():
    found = {
        "drain": {
            "medians": {
                "contracts": {"events_per_cpu_second": 26_000.0},
                "job, state of 20,000 contracts": {"events_per_second": 100.0},
                "job, state of 1,000,000 contracts": {"events_per_second": 60.0},
            }
        },
        "job": {"ratio_to_floor": {"tieout compiled": {"cpu_cost": 1.4}}},
        "peers": {
            "medians": {
                "tieout compiled": {"events_per_cpu_second": 90.0, "events_per_second": 30.0},
                "kafka_streams eos": {"events_per_cpu_second": 30.0, "events_per_second": 30.0},
            },
        },
        "peers-faust": {
            "medians": {
                "tieout compiled": {"events_per_cpu_second": 60.0},
                "faust_stock alo": {"events_per_cpu_second": 2.0},
            },
        },
    }
    reached = {target.what: (target.reached, target.verdict) for target in all_targets(found)}
    assert reached["contract agent, day's mix"] == (26_000.0, "met")
    assert reached["comparison job at 1 M contracts: share of its rate at 20k"] == (0.6, "**missed**")
    assert reached["the same: times Kafka Streams exactly-once"] == (3.0, "met")
    assert reached["comparison job, wall: times Kafka Streams"] == (1.0, "**missed**")
    assert reached["comparison job, per CPU-second: times stock Faust"] == (30.0, "**missed**")
    assert reached["comparison job: CPU cost over the floor's"] == (1.4, "met")


def test_a_rate_that_was_not_sustained_misses_its_latency_and_a_short_spike_proves_nothing():
    found = {
        "latency": {"medians": {"job, 5,000/s": {"sustained": False}}},
        "spike": {
            "options": {"spike_seconds": 10.0},
            "medians": {"contracts": {"drained_after_seconds": 3.0}},
        },
    }
    verdicts = {target.what: target.verdict for target in all_targets(found)}
    assert verdicts["comparison job, p99 at 5,000/s"] == "**missed**"
    assert verdicts["contract agent, p99 at 5,000/s"] == "not measured"
    spike = "a spike of 10x for 60 s is drained after its end in"
    assert verdicts[spike] == "not measured"
    found["spike"]["options"]["spike_seconds"] = 60.0
    assert {target.what: target.verdict for target in all_targets(found)}[spike] == "met"
    found["spike"]["medians"]["contracts"] = {}
    assert {target.what: target.verdict for target in all_targets(found)}[spike] == "**missed**"


def test_figures_are_for_people_and_disturbed_rows_are_marked():
    assert [figure(each) for each in (1234567.8, 3.14159, 5.0, None, True, "x")] == [
        "1,234,568", "3.14", "5", "-", "yes", "x",
    ]  # fmt: skip
    assert marked("a", {"foreign_percent": 5.1}) == "a ~"
    assert marked("a", {"foreign_percent": 4.9}) == marked("a", {}) == "a"


def test_the_job_marks_a_contender_whose_runs_were_disturbed():
    rates = {"events_per_second": 10, "events_per_cpu_second": 20}
    found = {
        "medians": {"tieout compiled": rates, "floor compiled": rates},
        "ratio_to_floor": {"tieout compiled": {"cpu_cost": 1.5}},
        "runs": [
            {"contender": "tieout compiled", "foreign_percent": 9.0},
            {"contender": "tieout compiled", "foreign_percent": None},
            {"contender": "floor compiled", "foreign_percent": 1.0},
        ],
    }
    text = "\n".join(next(section for section in SECTIONS if section.name == "job").write(found))
    assert "| tieout compiled ~ |" in text
    assert "| floor compiled |" in text
    assert "1.50 x the CPU cost of its floor" in text


def headings(text):
    return re.findall(r"^## (.+)$", text, re.MULTILINE)


def test_the_committed_page_has_a_section_for_every_question_and_every_target():
    page = (ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8")
    assert headings(page) == ["Targets", "Machine", *(section.question for section in SECTIONS)]
    for line in targets_table({})[2:]:
        assert line.split("|")[1] in page, "a target is left out"


def test_every_section_says_what_limits_it():
    assert set(LIMITS) == {section.name for section in SECTIONS}
