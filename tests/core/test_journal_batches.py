"""Goal: journals of many contracts reach the ERP as few, the same money as one by one, and each is found again.

Method: a generated day with two runs, a close and late events, played with the entities' journals summed and one by one,
straight and cut at random; then the ERP's answers to the batches.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from functools import cache

import pytest
from core.summed_days import (
    CODEC,
    ENTITIES,
    accepted,
    agent,
    answered_day,
    day,
    is_batch,
    posted,
    refused,
    resolved,
    said,
    straight,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tieout.agents.decode import inbox_key
from tieout.avro.commands import JournalPost
from tieout.avro.control import CommandResolved
from tieout.streams.testing import FedRecord, Harness
from tieout.tables.batches import is_batch_group

SEEDS = [1, 2, 3]
KINDS = {"contract_liability": 1, "refund_liability": 1, "contract_asset": -1, "fx": 1, "recognised": 1}
"""Kind of a revenue event -> the side that it grows on, credits being positive."""


def batches(harness) -> list[JournalPost]:
    return [each for each in said(harness, "erp_commands") if is_batch(each)]


def of_batches(harness) -> list:
    return [each for each in said(harness, "revenue_events") if each.batch_id is not None]


def next_record(harness, event) -> FedRecord:
    place = len(harness.log)
    key = inbox_key(event.envelope.tenant, event.envelope.group_id)
    return FedRecord(place, 1_000 * place, key, CODEC.encode(event))


def tell(harness, event) -> None:
    harness.step(next_record(harness, event))
    harness.commit()


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("entities", [ENTITIES, ("US", "DE")])
def test_batches_post_what_the_journals_of_the_contracts_would(seed, entities):
    summed, single = straight(*day(seed, entities)), straight(*day(seed, ()))
    commands = said(summed, "erp_commands")
    assert posted(commands) == posted(said(single, "erp_commands"))
    assert {each.header.entity for each in commands if is_batch(each)} == set(entities)
    own = {each.header.entity for each in commands if isinstance(each, JournalPost) and not is_batch(each)}
    assert own == set(ENTITIES) - set(entities)
    others = [each for each in said(single, "erp_commands") if not isinstance(each, JournalPost)]
    assert [each for each in commands if not isinstance(each, JournalPost)] == others


@pytest.mark.parametrize("seed", SEEDS)
def test_few_journals_stand_for_many(seed):
    harness = straight(*day(seed))
    found = batches(harness)
    assert len({each.header.command_id for each in found}) == len(found)
    assert len({each.header.causes for each in found}) > 2
    assert 4 * sum(len(each.lines) for each in found) < 3 * len(of_batches(harness))


def test_effects_on_a_closed_period_are_in_batches_of_the_first_open_one_and_keep_their_service_period():
    found = [each for seed in SEEDS for each in batches(straight(*day(seed)))]
    late = [each for each in found if each.lines[0].service_period != each.header.posting_period]
    assert late
    assert {each.header.posting_period for each in late} == {"2025-03"}
    assert all(line.service_period < "2025-03" for each in late for line in each.lines)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_revenue_events_that_name_a_batch_are_its_detail(seed):
    harness = straight(*day(seed))
    detail: dict = defaultdict(Counter)
    for each in of_batches(harness):
        detail[each.batch_id][each.kind] += KINDS[each.kind] * each.amount_minor
    found = batches(harness)
    assert set(detail) == {each.header.command_id for each in found}
    for each in found:
        lines: Counter = Counter()
        for line in each.lines:
            kind = {"revenue": "recognised", "fx_gain": "fx"}.get(line.account_class, line.account_class)
            lines[kind] += line.credit_minor - line.debit_minor
            assert line.revenue_event_id == each.header.command_id
        told = detail[each.header.command_id]
        assert {k: n for k, n in lines.items() if n} == {k: n for k, n in told.items() if n}


def test_each_batch_balances_and_has_the_next_number_of_its_lane():
    found = batches(straight(*day(1)))
    lanes: dict = defaultdict(list)
    for each in found:
        assert sum(line.debit_minor - line.credit_minor for line in each.lines) == 0
        assert (
            sum(
                (line.functional_debit_minor or 0) - (line.functional_credit_minor or 0)
                for line in each.lines
            )
            == 0
        )
        lanes[each.header.erp_account, each.header.group_id].append(each.header.lane_seq)
    assert all(numbers == list(range(1, len(numbers) + 1)) for numbers in lanes.values())
    assert any(len(numbers) > 1 for numbers in lanes.values())


def by_key(harness: Harness) -> dict:
    found = defaultdict(list)
    for output in harness.outputs:
        if output.topic != "control_totals":
            found[output.topic, output.key].append((output.partition, output.value, tuple(output.headers)))
    return found


def in_order(harness: Harness) -> dict:
    """(topic, group) -> what was said, in its order: what a group's own topics show whoever reads them from the beginning."""
    found = defaultdict(list)
    for topic in ("erp_commands", "revenue_events", "crm_feedback"):
        for each in said(harness, topic):
            where = each.header if topic == "erp_commands" else each
            found[topic, where.group_id].append(each)
    return found


def rows_of(harness: Harness) -> dict:
    """All rows but the counters of what was published when."""
    rows = dict(harness.store.scan(b"\x01")) | dict(harness.store.scan(b"\x02"))
    return {key: value for key, value in rows.items() if not key.startswith(b"\x01u")}


@cache
def whole(seed: int) -> tuple[dict, dict, dict]:
    harness = straight(*answered_day(seed))
    return by_key(harness), in_order(harness), rows_of(harness)


@pytest.mark.parametrize("seed", SEEDS[:2])
@given(data=st.data())
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_cut_any_restart_and_any_slice_give_the_same_batches_and_tell_the_same_contracts(seed, data):
    log, reference = answered_day(seed)
    harness = Harness(agent(reference))
    place = 0
    while place < len(log):
        size = data.draw(st.integers(1, 300), label="batch")
        for record in log[place : place + size]:
            harness.step(record)
        place += size
        harness.commit()
        if harness.task.pending():
            harness.task.work(harness.effects, data.draw(st.integers(1, 30), label="slice"))
            harness.commit()
        if data.draw(st.booleans(), label="restart"):
            harness.crash()
    harness.work(3)
    assert (by_key(harness), in_order(harness), rows_of(harness)) == whole(seed)


@pytest.mark.parametrize("size", [1, 9, 70, 10_000])
def test_how_far_the_telling_has_come_when_the_log_goes_on_changes_nothing(size):
    """A slice of one contract between commits: events and markers come while most are untold."""
    log, reference = answered_day(1)
    harness = Harness(agent(reference))
    for place in range(0, len(log), size):
        for record in log[place : place + size]:
            harness.step(record)
        harness.commit()
        harness.task.work(harness.effects, 1)
        harness.crash() if place % 2 else harness.commit()
    harness.work(1)
    assert in_order(harness) == whole(1)[1]
    assert (by_key(harness), rows_of(harness)) == whole(1)[::2]


def test_work_that_is_lost_before_its_commit_is_done_again_once():
    log, reference = answered_day(1)
    harness = Harness(agent(reference))
    for record in log:
        harness.step(record)
        harness.commit()
        while harness.task.pending():
            harness.task.work(harness.effects, 4)
            harness.crash()
            harness.task.work(harness.effects, 4)
            harness.commit()
    assert (by_key(harness), in_order(harness), rows_of(harness)) == whole(1)


@pytest.mark.parametrize("seed", SEEDS)
def test_each_contract_is_told_once_that_a_batch_with_a_share_of_it_is_posted(seed):
    before, after = straight(*day(seed)), straight(*answered_day(seed))
    assert not [each for each in said(before, "decisions") if each.outcome == "posted"]
    told = [each for each in said(after, "decisions") if each.outcome == "posted"]
    shares = {(each.contract_id, each.batch_id) for each in of_batches(after)}
    assert Counter((each.contract_id, each.detail.split()[1]) for each in told) == Counter(shares)
    assert not list(after.store.scan(b"\x01j"))
    assert not list(after.store.scan(b"\x01k"))
    assert not list(after.store.scan(b"\x01b"))


def test_memory_holds_a_line_per_class_and_account_of_what_is_not_said_yet():
    log, reference = day(1)
    harness = Harness(agent(reference))
    most = 0
    for record in log:
        harness.step(record)
        harness.commit()
        while harness.task.pending():
            most = max(most, len(list(harness.store.scan(b"\x01j"))))
            harness.task.work(harness.effects, 1)
            harness.commit()
    lines = [len(each.lines) for each in batches(harness)]
    assert 0 < most <= sum(lines)
    assert not list(harness.store.scan(b"\x01j"))


def test_a_refused_batch_is_one_exception_and_goes_again_when_a_person_says_so():
    harness = straight(*day(1))
    batch, open_before = batches(harness)[0], len(said(harness, "exceptions"))
    tell(harness, refused(batch, "PERIOD_CLOSED"))
    (item,) = said(harness, "exceptions")[open_before:]
    assert (item.code, item.status, item.group_id) == ("ERP_PERIOD_CLOSED", "open", batch.header.group_id)
    assert item.amount_minor == sum(line.debit_minor for line in batch.lines)
    assert "is not dated anew" in item.detail
    tell(harness, resolved(item, "retry"))
    (release,) = [each for each in said(harness, "erp_commands") if isinstance(each, CommandResolved)]
    assert (release.command_id, release.decision) == (batch.header.command_id, "retry")
    tell(harness, accepted(batch))
    assert said(harness, "exceptions")[-1].status == "resolved"
    harness.work()
    told = {each.contract_id for each in said(harness, "decisions") if each.outcome == "posted"}
    assert told == {
        each.contract_id for each in of_batches(harness) if each.batch_id == batch.header.command_id
    }


def test_contracts_are_told_of_a_batch_that_a_person_withdrew():
    harness = straight(*day(1))
    batch = batches(harness)[0]
    tell(harness, refused(batch, "UNCLASSIFIED"))
    tell(harness, resolved(said(harness, "exceptions")[-1], "withdraw"))
    harness.work()
    told = [each for each in said(harness, "decisions") if each.outcome == "withdrawn"]
    shares = {each.contract_id for each in of_batches(harness) if each.batch_id == batch.header.command_id}
    assert Counter(each.contract_id for each in told) == Counter(shares)


def test_answers_to_a_batch_come_to_the_partition_that_knows_it():
    """Where a group's key is placed follows from its name alone."""
    log, reference = day(1)

    def placement(key: bytes) -> int:
        return 5 if not is_batch_group(key.decode().partition("/")[2]) else sum(key) % 8

    harness = Harness(agent(reference, placement), partition=5)
    for record in log:
        harness.step(record)
    harness.commit()
    harness.work()
    found = batches(harness)
    assert found
    assert {placement(inbox_key("acme", each.header.group_id)) for each in found} == {5}
