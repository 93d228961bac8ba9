"""The brokers' settings as data."""

from pathlib import Path

import pytest

from tieout.streams.operate.broker import properties
from tieout.streams.operate.broker.properties import (
    NodePlace,
    behaviour,
    from_environment,
    render,
    server_properties,
)


def test_every_setting_has_a_reason_and_stands_once():
    names = [name for name, _, _ in properties._BEHAVIOUR]
    assert len(names) == len(set(names))
    assert all(reason for _, _, reason in properties._BEHAVIOUR)
    assert not properties.PLACEMENT & set(names)


@pytest.mark.parametrize(("nodes", "copies", "in_sync"), [(1, "1", "1"), (3, "3", "2")])
def test_internal_topics_have_as_many_copies_as_the_cluster_can_keep(nodes, copies, in_sync):
    settings = behaviour(nodes)
    replicated = [value for name, value in settings.items() if name.endswith("replication.factor")]
    assert replicated == [copies] * 3
    assert settings["transaction.state.log.min.isr"] == settings["min.insync.replicas"] == in_sync


def test_nodes_differ_in_their_place_only():
    cluster = [NodePlace(number, 100 + number, 200 + number, Path(f"/d/{number}")) for number in (1, 2, 3)]
    first, second, _ = (server_properties(place, cluster) for place in cluster)
    different = {name for name in first if first[name] != second[name]}
    assert different == {"node.id", "listeners", "advertised.listeners", "log.dirs"}
    assert first["controller.quorum.voters"] == "1@127.0.0.1:201,2@127.0.0.1:202,3@127.0.0.1:203"
    assert set(first) == properties.PLACEMENT | set(behaviour(3))


def test_everything_listens_on_the_loopback_only():
    place = NodePlace(1, 101, 201, Path("/d"))
    listeners = server_properties(place, [place])["listeners"].split(",")
    assert all("//127.0.0.1:" in listener for listener in listeners)


def test_rendered_properties_escape_backslashes():
    assert render({"b": "2", "a": r"x\y"}) == "a=x\\\\y\nb=2\n"


def test_the_images_variables_map_to_properties_and_those_of_its_start_script_do_not():
    given = {"KAFKA_NODE_ID": "1", "KAFKA_LOG_DIRS": "/x", "KAFKA_HEAP_OPTS": "-Xmx1g", "CLUSTER_ID": "c"}
    assert from_environment(given) == {"node.id": "1", "log.dirs": "/x"}
