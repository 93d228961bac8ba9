"""The generated stream: the same for the same seed, hostile at the stated rates, and true to what it says of itself."""

import datetime as dt
import itertools
import time
from collections import Counter, defaultdict

import pytest
from oracle.contract_facts import VersionEvent

from tieout.avro import events as said
from tieout.avro.canonical import content_hash
from tieout.avro.codec import Codec
from tieout.avro.reference import EntityPublished, ProductMapped
from tieout.streams.operate.generate import SCENARIOS, Fate, generate
from tieout.streams.operate.generate.truth import OWNERS


def identity(event):
    envelope = event.envelope
    return (
        envelope.tenant,
        envelope.source,
        envelope.object_type,
        envelope.object_id,
        envelope.object_version,
        envelope.event_type,
    )


@pytest.fixture(scope="module")
def groups():
    return list(generate("day", 3_000, 1).groups())


@pytest.fixture(scope="module")
def arrived():
    return list(generate("day", 1_500, 11).arrivals())


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_same_seed_gives_the_same_stream_and_another_seed_another_one(scenario):
    first = list(generate(scenario, 60, 1).events())
    assert first == list(generate(scenario, 60, 1).events())
    assert first != list(generate(scenario, 60, 2).events())


@pytest.mark.parametrize("contracts", [1, 24, 25, 26, 27, 104])
def test_there_are_as_many_contracts_as_were_asked_for(contracts):
    generation = generate("day", contracts, 3)
    ids = {each.event.envelope.contract_id for group in generation.groups() for each in group.planned}
    assert ids == {f"C{number:06}" for number in range(contracts)}


def test_the_story_of_a_group_does_not_depend_on_how_many_there_are():
    assert generate("day", 500, 7).group(3) == generate("day", 50, 7).group(3)


def test_what_arrives_is_what_the_groups_say_was_delivered(arrived):
    said_delivered = Counter(
        (event.envelope.event_id, fate)
        for group in generate("day", 1_500, 11).groups()
        for event, fate in group.deliveries()
    )
    assert Counter((each.event.envelope.event_id, each.fate) for each in arrived) == said_delivered


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_every_event_fits_its_schema_and_carries_its_hash(scenario):
    codec = Codec.load()
    for event in itertools.islice(generate(scenario, 400, 2).events(), 3_000):
        assert codec.decode(codec.encode(event)) == event
        assert event.envelope.content_hash == content_hash(event)
        assert event.envelope.event_type == event.EVENT_TYPE


def test_a_contract_has_about_ten_events(arrived):
    assert 8 <= len(arrived) / 1_500 <= 13


def test_the_original_comes_before_its_copies_and_a_conflict_is_never_the_original(arrived):
    first = {}
    for arrival in arrived:
        key = identity(arrival.event)
        if key not in first:
            first[key] = arrival
            assert arrival.fate not in {Fate.DUPLICATE, Fate.CONFLICT}
        elif arrival.fate is Fate.DUPLICATE:
            assert arrival.event.envelope.content_hash == first[key].event.envelope.content_hash
        else:
            assert arrival.fate is Fate.CONFLICT
            assert arrival.event.envelope.content_hash != first[key].event.envelope.content_hash


def test_copies_come_at_the_stated_rates_and_some_under_another_event_id(arrived):
    fates = Counter(each.fate for each in arrived)
    assert 0.015 < fates[Fate.DUPLICATE] / len(arrived) < 0.05
    assert 0.0005 < fates[Fate.CONFLICT] / len(arrived) < 0.006
    resent = [each for each in arrived if each.event.envelope.event_id.endswith("/again1")]
    assert 0.004 < len(resent) / len(arrived) < 0.02


def test_about_one_event_in_twenty_is_displaced_by_up_to_two_thousand_positions(groups):
    displaced = [planned.displace for group in groups for planned in group.planned if planned.displace]
    events = sum(len(group.planned) for group in groups)
    assert 0.04 < len(displaced) / events < 0.08
    assert 1 <= min(displaced) < 50
    assert 1_900 < max(displaced) <= 2_000


def test_some_versions_arrive_before_their_base_and_before_their_activation(arrived):
    newest: dict[str, int] = defaultdict(int)
    before_base = before_activation = 0
    for arrival in arrived:
        if isinstance(arrival.event, VersionEvent) and arrival.fate is Fate.APPLIED:
            contract, version = arrival.event.envelope.contract_id, arrival.event.envelope.object_version
            before_base += version > newest[contract] + 1
            before_activation += version > 1 and newest[contract] == 0
            newest[contract] = max(version, newest[contract])
    assert before_base > 3
    assert before_activation > 3


def test_late_gaps_are_filled_after_everything_else():
    arrived = list(generate("day", 3_000, 1).arrivals())
    tail = list(itertools.dropwhile(lambda each: not each.late, arrived))
    assert tail
    assert all(each.late for each in tail)
    assert {each.event.envelope.object_version for each in tail if each.fate is Fate.APPLIED} >= {1}


def test_every_kind_of_trouble_is_in_the_stream_and_has_an_owner(groups):
    codes = Counter(code for group in groups for _, code in group.exceptions())
    assert set(codes) == set(OWNERS)


def test_what_waits_has_a_reason_or_waits_behind_one_that_has(groups):
    for group in groups:
        codes = {contract for contract, _ in group.exceptions()}
        for planned in group.planned:
            if planned.fate is Fate.WAITING:
                assert planned.event.envelope.contract_id in codes


def test_nothing_that_counts_follows_from_a_version_that_does_not(groups):
    for group in groups:
        missing = {
            planned.event.envelope.contract_id: planned.event.envelope.object_version
            for planned in reversed(group.planned)
            if not planned.delivered
        }
        for planned in group.planned:
            gap = missing.get(planned.event.envelope.contract_id, 10**6)
            assert planned.fate is Fate.WAITING or planned.about < gap


def test_behind_every_gap_a_later_version_waits(groups):
    for group in groups:
        versions = [each for each in group.planned if isinstance(each.event, VersionEvent)]
        for missing in (each for each in versions if not each.delivered):
            envelope = missing.event.envelope
            assert any(
                later.delivered
                and later.event.envelope.contract_id == envelope.contract_id
                and later.event.envelope.object_version > envelope.object_version
                for later in versions
            )


def test_sizes_are_skewed_several_entities_trade_and_groups_may_hold_two_contracts(groups):
    sizes, entities, pairs = [], Counter(), 0
    for group in groups:
        sizes.append(len(group.planned))
        pairs += len({each.event.envelope.contract_id for each in group.planned}) == 2
        activation = group.planned[0].event
        if isinstance(activation, said.ContractActivated):
            entities[activation.envelope.legal_entity, activation.currency] += 1
    sizes.sort()
    assert sizes[len(sizes) // 2] < 12
    assert sizes[-3] > 200
    assert pairs > 90
    assert {("US", "USD"), ("UK", "GBP"), ("UK", "EUR"), ("DE", "EUR"), ("JP", "JPY")} <= set(entities)


@pytest.mark.parametrize(
    ("scenario", "wanted", "per_contract"),
    [
        ("renewal-wave", said.ContractRenewed, 0.15),
        ("usage-surge", said.UsageRated, 8),
        ("quarter-end", said.ContractAmended, 0.15),
        ("day", said.InvoicePosted, 2),
    ],
)
def test_each_scenario_brings_what_its_name_says(scenario, wanted, per_contract):
    count = sum(isinstance(each, wanted) for each in generate(scenario, 600, 1).events())
    assert count / 600 > per_contract


def test_every_applied_contract_finds_its_reference_rows():
    generation = generate("day", 500, 9)
    rows = generation.reference()
    products = {row.product for row in rows if isinstance(row, ProductMapped)}
    currencies = {row.header.id: row.currencies for row in rows if isinstance(row, EntityPublished)}
    for group in generation.groups():
        for event in group.applied():
            if isinstance(event, said.ContractActivated):
                assert event.currency in currencies[event.envelope.legal_entity]
                assert {line.product for line in event.lines} <= products


def test_the_policy_of_who_owns_receivables_is_a_parameter():
    rows = generate("day", 1, 1, mirrored=frozenset({"US"})).reference()
    policies = {row.header.id: row.policy[0].value for row in rows if isinstance(row, EntityPublished)}
    assert policies == {"US": "billing_mirrored", "UK": "erp", "DE": "erp", "JP": "erp"}


def test_a_million_contracts_are_not_told_before_the_first_event_is_out():
    started = time.process_time()
    head = list(itertools.islice(generate("day", 1_000_000, 1).events(), 500))
    assert len(head) == 500
    assert time.process_time() - started < 2


def test_twenty_thousand_contracts_would_take_less_than_twenty_seconds_of_one_core():
    started = time.process_time()
    for _ in generate("day", 1_000, 1).events():
        pass
    assert time.process_time() - started < 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"scenario": "night"}, "choose one of day"),
        ({"contracts": 0}, "at least 1"),
        ({"start": dt.date(2025, 1, 2)}, "first of a month"),
    ],
)
def test_an_impossible_request_says_what_to_ask_for(change, message):
    request = {"scenario": "day", "contracts": 1, "seed": 1, **change}
    with pytest.raises(ValueError, match=message):
        generate(**request)
