"""The contract agent against the oracle without a broker: whole generated streams, runs and closes in between.

What a broker, kills and restarts add is judged by the broker tests and by ``make demo``, with the same oracle.
"""

from collections import Counter

import pytest
from msgspec.structs import replace
from oracle.comparing import compare
from oracle.expected import expect
from oracle.in_parts import Question, expect_in_parts
from oracle.reading import read
from oracle.saying import day
from oracle.trial_balance import difference, trial_balance
from posting.closed_loop import Ground, books, told

from tieout.agents.agent import contract_agent
from tieout.agents.emit import OutputTopics
from tieout.agents.pipeline import PipelineSettings
from tieout.agents.posting.erp_documents import document_of
from tieout.avro.codec import Codec
from tieout.avro.commands import JournalPost
from tieout.avro.control import ControlHeader, PeriodClosed, ReferenceActivated, RevenueRun, Tick
from tieout.streams.operate.demo.late import told_late
from tieout.streams.operate.generate import generate
from tieout.streams.testing import FedRecord, Harness
from tieout.tables.reference import Reference

GAP_TIMER_MS = 10_000


class Partition:
    """One partition of the agent that is fed a generated stream, a millisecond of log time per record."""

    def __init__(self, generation):
        self.codec = Codec.load()
        reference = Reference.of(generation.reference(), 10**6)
        spec = contract_agent(
            PipelineSettings(
                input_topic="inbox",
                topics=OutputTopics.by_field(),
                gap_timer_ms=GAP_TIMER_MS,
            ),
            changelog_topic="changelog",
            codec=self.codec,
            placement=lambda _: 0,
            references=lambda _: reference,
            now_us=lambda: 0,
        )
        self.harness = Harness(spec)
        self.now_ms = 1
        self.markers = 0
        self.mark(ReferenceActivated, reference_upto=10**6)

    def put(self, key, message):
        self.now_ms += 1
        value = self.codec.encode(message)
        self.harness.step(FedRecord(len(self.harness.log), self.now_ms, key, value))
        if len(self.harness.log) % 300 == 0:
            self.harness.commit()

    def event(self, event):
        self.put(f"{event.envelope.tenant}/{event.envelope.group_id}".encode(), event)

    def mark(self, kind, **content):
        self.markers += 1
        header = ControlHeader(f"request-{self.markers}", self.markers, "acme", "controller", 0)
        self.put(None, kind(header=header, **content))

    def run_to(self, text):
        self.mark(RevenueRun, entity=None, book="primary", through_date=day(text))

    def close(self, period):
        self.mark(PeriodClosed, entity=None, subledger="revenue", period=period)

    def rest(self):
        """Let the gap timer and the second of the control totals pass, and do the background work."""
        for _ in range(2):
            self.now_ms += 2 * GAP_TIMER_MS
            self.put(None, Tick(written_at=0))
            self.harness.commit()
            self.harness.work()

    def said(self, *topics):
        return [
            self.codec.decode(each.value)
            for each in self.harness.outputs
            if each.topic in topics and each.value is not None
        ]


def judged(generation, *, closes):
    """Feed everything, run through September, and compare."""
    partition = Partition(generation)
    arrivals = list(generation.arrivals())
    for position, arrival in enumerate(arrivals):
        if closes and position == len(arrivals) // 3:
            partition.run_to("2025-03-31")
            partition.close("2025-03")
        if closes and position == len(arrivals) * 2 // 3:
            partition.run_to("2025-07-31")
            partition.close("2025-06")
            partition.harness.work(limit=20)
        if arrival.late and not arrivals[position - 1].late:
            partition.rest()
        partition.event(arrival.event)
    partition.run_to("2025-09-30")
    partition.rest()
    horizon = day("2025-09-30")
    outcomes = partition.said("revenue_events", "exceptions", "decisions", "dead_letters", "control_totals")
    actual = read(partition.said("erp_commands"), outcomes, horizon)
    return compare(expect(generation, horizon, by_period=True), actual)


@pytest.mark.parametrize("closes", [False, True], ids=["one run at the end", "runs and closes in between"])
@pytest.mark.parametrize(
    ("scenario", "contracts"), [("day", 90), ("quarter-end", 90), ("renewal-wave", 90), ("usage-surge", 30)]
)
def test_a_generated_stream_ties_out(scenario, contracts, closes):
    report = judged(generate(scenario, contracts, 8), closes=closes)
    assert report.findings == ()
    assert report.tied_out


def test_the_commands_add_up_to_the_oracles_trial_balance_by_period_also_what_came_after_the_close():
    generation = generate("day", 150, 8)
    late = told_late(generation, "2025-03")
    partition, held_back = Partition(generation), []
    for arrival in generation.arrivals():
        if arrival.event.envelope.event_id in late:
            held_back.append(arrival.event)
        else:
            partition.event(arrival.event)
    partition.rest()
    partition.run_to("2025-03-31")
    partition.close("2025-03")
    partition.rest()
    for event in held_back:
        partition.event(event)
    partition.rest()
    balances, horizon = trial_balance_of(partition.said("erp_commands")), day("2025-03-31")
    expected = trial_balance(generation, horizon, closed="2025-03", late=late)
    assert len(held_back) == len(late) > 3
    assert difference(expected, balances) == {}
    assert difference(trial_balance(generation, horizon), balances), "the late events land elsewhere"


def trial_balance_of(commands):
    balances = Counter()
    for command in commands:
        document = document_of(command)
        for entry in document.entries:
            place = document.entity, entry.account, document.currency, document.period
            balances[place] += entry.debit_minor - entry.credit_minor
    return balances


def test_the_parts_of_what_is_expected_are_the_whole():
    generation, horizon = generate("day", 60, 3), day("2025-03-31")
    late = told_late(generation, "2025-03")
    expected, balances = expect_in_parts(Question(generation, horizon, "2025-03", late), parts=2)
    assert expected == expect(generation, horizon)
    assert balances == trial_balance(generation, horizon, closed="2025-03", late=late)


def test_it_ties_out_where_another_system_owns_the_receivables():
    report = judged(generate("day", 90, 9, mirrored=frozenset({"UK"})), closes=True)
    assert report.findings == ()


class WithErps(Partition):
    """A partition whose commands reach ERPs, and whose contracts are told what these answer."""

    def __init__(self, generation):
        super().__init__(generation)
        self.ground, self.read = Ground(), 0

    def pump(self):
        """Until nobody has anything to say."""
        answers = True
        while answers:
            self.harness.commit()
            self.harness.work()
            said = self.said("erp_commands")
            self.ground.say(said[self.read :])
            self.read = len(said)
            answers = self.ground.answers()
            for each in answers:
                self.event(each)


def numbered(posted):
    """What ERPs hold, with the numbers of each lane in the order in which it came: those that were voided leave none."""
    numbers = Counter()
    for each in posted:
        header = each.header
        lane = header.erp_account, header.group_id, header.lane
        numbers[lane] += 1
        yield replace(each, header=replace(header, lane_seq=numbers[lane]))


@pytest.mark.parametrize("scenario", ["day", "renewal-wave"])
def test_books_of_an_erp_that_closes_ahead_of_tieout_tie_out(scenario):
    generation = generate(scenario, 60, 8)
    partition = WithErps(generation)
    arrivals = list(generation.arrivals())
    for position, arrival in enumerate(arrivals):
        if position == len(arrivals) // 3:
            partition.ground.locked |= {"2025-01", "2025-02", "2025-03"}
            partition.run_to("2025-03-31")
            partition.pump()
        if position == len(arrivals) * 2 // 3:
            partition.close("2025-03")
            partition.ground.locked |= {"2025-05", "2025-06"}
            partition.run_to("2025-07-31")
            partition.pump()
        if arrival.late and not arrivals[position - 1].late:
            partition.rest()
        partition.event(arrival.event)
    partition.run_to("2025-09-30")
    partition.rest()
    partition.pump()
    horizon = day("2025-09-30")
    posted = partition.ground.journal
    months = {each.header.posting_period for each in posted if isinstance(each, JournalPost)}
    assert partition.ground.dead_letters == []
    assert partition.ground.standing() == []
    assert len(partition.said("erp_commands")) > len(posted) + 100
    assert not partition.ground.locked & months
    events = partition.said("revenue_events")
    assert books(posted) == told(events)
    outcomes = partition.said("exceptions", "decisions", "dead_letters", "control_totals")
    report = compare(
        expect(generation, horizon, by_period=True), read(numbered(posted), [*events, *outcomes], horizon)
    )
    assert report.findings == ()
    assert report.tied_out


@pytest.mark.full
@pytest.mark.parametrize("seed", range(20, 30))
def test_other_seeds_tie_out(seed):
    for scenario in ("day", "quarter-end", "renewal-wave", "usage-surge"):
        assert judged(generate(scenario, 250, seed), closes=True).findings == ()
