"""Topics on a real cluster: what the plan says is what happens."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from tieout.streams.operate.broker import EmbeddedBroker
from tieout.streams.topics import (
    CONTRACT_EVENTS,
    Setting,
    TopicsRefusedError,
    TopicsUnreachableError,
    apply,
    plan,
    topic_table,
)

pytestmark = pytest.mark.broker


@pytest.fixture
def table(unique):
    """The installation's table under names of this test alone."""
    stem = unique("table")
    return tuple(
        replace(spec, name=spec.name.replace("tieout.", f"tieout.{stem}.")) for spec in topic_table(2)
    )


def with_setting(spec, name, value):
    settings = [
        Setting(name, value, "test") if setting.name == name else setting for setting in spec.settings
    ]
    return replace(spec, settings=tuple(settings))


async def test_applying_twice_changes_nothing_the_second_time(broker, table):
    first = await plan(broker.bootstrap, table)
    assert first.create == table
    await apply(broker.bootstrap, first)
    second = await plan(broker.bootstrap, table)
    assert second.is_empty
    assert len(second.unchanged) == len(table)


async def test_a_changed_setting_is_set_and_what_somebody_else_set_stays(broker, table):
    spec = table[1]
    await apply(broker.bootstrap, await plan(broker.bootstrap, [spec]))
    kept = {setting.name: setting.value for setting in spec.settings} | {"segment.ms": "123456789"}
    admin = AIOKafkaAdminClient(bootstrap_servers=broker.bootstrap)
    await admin.start()
    try:
        resource = ConfigResource(ConfigResourceType.TOPIC, spec.name, kept)
        await admin.alter_configs([resource])
        changed = with_setting(spec, "retention.ms", "86400000")
        found = await plan(broker.bootstrap, [changed])
        assert [(item.setting.name, item.current) for item in found.change] == [("retention.ms", "-1")]
        await apply(broker.bootstrap, found)
        (answer,) = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, spec.name)])
        values = {entry[0]: entry[1] for entry in answer.resources[0][4]}
    finally:
        await admin.close()
    assert (values["retention.ms"], values["segment.ms"]) == ("86400000", "123456789")


async def test_other_partitions_are_refused_and_then_nothing_else_is_done_either(broker, table):
    await apply(broker.bootstrap, await plan(broker.bootstrap, table[:2]))
    wider = [replace(table[0], partitions=4), with_setting(table[1], "retention.ms", "86400000"), table[2]]
    found = await plan(broker.bootstrap, wider)
    assert len(found.refused) == len(found.change) == len(found.create) == 1
    with pytest.raises(TopicsRefusedError, match="nothing was changed"):
        await apply(broker.bootstrap, found)
    after = await plan(broker.bootstrap, wider)
    assert (after.create, after.change) == (found.create, found.change)


async def test_an_unreachable_cluster_is_said_with_its_address():
    with pytest.raises(TopicsUnreachableError, match=r"127\.0\.0\.1:1.*tieout broker status"):
        await plan("127.0.0.1:1", topic_table(1))


@pytest.fixture
def own_broker(tmp_path):
    """The commands use the installation's own topic names, which other tests make on the shared broker."""
    with EmbeddedBroker(tmp_path / "kafka") as running:
        yield running


def tieout(*arguments):
    command = [str(Path(sys.executable).with_name("tieout")), "topics", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def test_the_commands_plan_apply_and_refuse_with_their_exit_status(own_broker):
    here = ("--bootstrap", own_broker.bootstrap, "--partitions", "3")
    applied = tieout("apply", *here)
    assert applied.returncode == 0, applied.stderr
    assert applied.stdout.endswith(("done\n", "nothing to do\n"))
    planned = tieout("plan", *here, "--check", "--json")
    assert planned.returncode == 0
    assert CONTRACT_EVENTS in json.loads(planned.stdout)["unchanged"]
    refused = tieout("plan", "--bootstrap", own_broker.bootstrap, "--partitions", "5")
    assert refused.returncode == 1
    assert f"! {CONTRACT_EVENTS}  refused: it has 3 partition(s)" in refused.stdout
    assert tieout("plan", "--bootstrap", "127.0.0.1:1").returncode == 4
