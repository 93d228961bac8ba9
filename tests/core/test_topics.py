"""The topic table and the plan from it to what a cluster has."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tieout.streams import topics
from tieout.streams.topics import Existing, compare, topic_table

TABLE = topic_table(8, erp_accounts=3, replication_factor=3)
BY_NAME = {spec.name: spec for spec in TABLE}


def existing(spec, **changes):
    values = {setting.name: setting.value for setting in spec.settings}
    return replace(Existing(spec.partitions, spec.replication_factor, values, values), **changes)


def as_table(table=TABLE):
    return {spec.name: existing(spec) for spec in table}


def test_only_inboxes_and_their_outputs_have_the_installations_partitions():
    single = {spec.name for spec in TABLE if spec.partitions == 1}
    assert single == {
        topics.CONTROL_REQUESTS,
        topics.REFERENCE,
        topics.WORKER_STATUS,
        topics.changelog_of("control"),
    }
    assert BY_NAME[topics.ERP_COMMANDS].partitions == 3
    assert {spec.partitions for spec in TABLE} == {1, 3, 8}


def test_a_changelog_has_the_partitions_of_its_agents_input():
    for agent, source in topics.AGENT_INPUTS.items():
        assert BY_NAME[topics.changelog_of(agent)].partitions == BY_NAME[source].partitions


def test_every_topic_has_the_prefix_names_its_retention_and_gives_reasons():
    for spec in TABLE:
        assert spec.name.startswith("tieout.")
        compacted = spec.setting("cleanup.policy") == "compact"
        assert compacted or spec.setting("retention.ms") is not None
        assert all(setting.reason for setting in spec.settings)
        assert spec.setting("min.insync.replicas") == "2"
    assert len(BY_NAME) == len(TABLE)


def test_every_topic_carries_the_brokers_time_so_that_no_workers_clock_is_refused():
    assert set(topics.AGENT_INPUTS.values()) <= BY_NAME.keys()
    for spec in TABLE:
        assert [s.value for s in spec.settings if s.name == "message.timestamp.type"] == ["LogAppendTime"]


def test_the_inbox_is_kept_for_ever_and_never_compacted():
    inbox = BY_NAME[topics.CONTRACT_EVENTS]
    assert (inbox.setting("cleanup.policy"), inbox.setting("retention.ms")) == ("delete", "-1")
    assert inbox.setting("retention.bytes") == "-1"


def test_topics_with_several_transactional_writers_name_their_longest_stall():
    stalled = {spec.name for spec in TABLE if spec.longest_stall_s}
    assert stalled == {topics.CONTRACT_EVENTS, topics.ERP_COMMANDS}


def test_a_changelog_keeps_tombstones_for_a_week_and_compacts_within_the_hour():
    changelog = BY_NAME[topics.changelog_of("contracts")]
    assert changelog.setting("cleanup.policy") == "compact"
    assert changelog.setting("delete.retention.ms") == str(7 * 24 * 3600 * 1000)
    assert int(changelog.setting("max.compaction.lag.ms")) <= 3600 * 1000


def test_an_empty_cluster_gets_everything():
    plan = compare(TABLE, {})
    assert plan.create == TABLE
    assert not plan.change
    assert not plan.refused


def test_a_cluster_as_the_table_says_needs_nothing():
    plan = compare(TABLE, as_table())
    assert plan.is_empty
    assert len(plan.unchanged) == len(TABLE)


@given(st.data())
def test_exactly_what_differs_is_planned_and_nothing_is_left_after_it(data):
    cluster = as_table()
    missing = data.draw(st.sets(st.sampled_from(sorted(cluster))))
    odd = (
        data.draw(st.sets(st.sampled_from(sorted(cluster.keys() - missing))))
        if len(missing) < len(TABLE)
        else set()
    )
    for name in missing:
        del cluster[name]
    for name in odd:
        values = dict(cluster[name].values) | {"min.insync.replicas": "1"}
        cluster[name] = replace(cluster[name], values=values, overrides=values)
    plan = compare(TABLE, cluster)
    assert {spec.name for spec in plan.create} == missing
    assert {change.topic for change in plan.change} == odd == set(plan.overrides)
    for spec in plan.create:
        cluster[spec.name] = existing(spec)
    for change in plan.change:
        values = dict(cluster[change.topic].values) | {change.setting.name: change.setting.value}
        cluster[change.topic] = replace(cluster[change.topic], values=values)
    assert compare(TABLE, cluster).is_empty


def test_another_number_of_partitions_is_refused_with_the_reason():
    cluster = as_table() | {topics.CONTRACT_EVENTS: existing(BY_NAME[topics.CONTRACT_EVENTS], partitions=4)}
    (refusal,) = compare(TABLE, cluster).refused
    assert refusal.topic == topics.CONTRACT_EVENTS
    assert "it has 4 partition(s), the settings say 8" in refusal.what
    assert "other partitions than their state" in refusal.what
    assert "set the number back to 4" in refusal.next_step


def test_another_number_of_copies_is_refused():
    cluster = as_table() | {topics.REFERENCE: existing(BY_NAME[topics.REFERENCE], replication_factor=1)}
    (refusal,) = compare(TABLE, cluster).refused
    assert "kafka-reassign-partitions" in refusal.next_step


def test_topics_of_ours_that_the_table_does_not_know_are_shown_and_left_alone():
    cluster = as_table() | {"tieout.old-changelog": existing(TABLE[0]), "orders": existing(TABLE[0])}
    plan = compare(TABLE, cluster)
    assert plan.unmanaged == ("tieout.old-changelog",)
    assert plan.is_empty


def test_settings_that_nobody_manages_are_no_difference():
    spec = TABLE[0]
    cluster = as_table() | {spec.name: existing(spec, values={**existing(spec).values, "segment.ms": "1"})}
    assert compare(TABLE, cluster).is_empty


@pytest.mark.parametrize("arguments", [{"min_in_sync": 2}, {"replication_factor": 0}, {"erp_accounts": 0}])
def test_a_table_that_could_never_be_written_to_is_a_bug_of_the_caller(arguments):
    with pytest.raises(AssertionError):
        topic_table(1, **arguments)
