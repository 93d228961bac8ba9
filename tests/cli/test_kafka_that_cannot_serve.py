"""Goal: what Kafka cannot do ends in words and a status, soon. Method: a silent socket, refusals, a broker without topics."""

import asyncio
import socket
import time
from collections.abc import Iterator

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.errors import (
    InvalidReplicationFactorError,
    KafkaConnectionError,
    RequestTimedOutError,
    SaslAuthenticationFailed,
    TopicAuthorizationFailedError,
)

from tieout.streams.edges import reaching
from tieout.streams.engine.errors import BrokerUnreachable
from tieout.streams.operate.broker import EmbeddedBroker
from tieout.streams.operate.cli.exits import Exit, status_of
from tieout.streams.twin import refuse_living_twin


def failed(cause: BaseException) -> Exception:
    error = RuntimeError("what the command says")
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("cause", "status"),
    [
        (KafkaConnectionError(), Exit.BROKER),
        (RequestTimedOutError(), Exit.BROKER),
        (TimeoutError(), Exit.BROKER),
        (ConnectionResetError(), Exit.BROKER),
        (TopicAuthorizationFailedError(), Exit.AUTH),
        (SaslAuthenticationFailed(), Exit.AUTH),
        (InvalidReplicationFactorError(), Exit.FAILURE),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_the_status_of_a_failed_request_is_that_of_its_cause(cause, status):
    assert status_of(failed(cause)) is status
    assert status_of(failed(failed(cause))) is status


@pytest.mark.parametrize("client", [AIOKafkaConsumer, AIOKafkaProducer])
async def test_a_broker_that_takes_the_connection_and_never_answers_is_given_up_in_time(client, monkeypatch):
    monkeypatch.setattr(reaching, "REACH_SECONDS", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        bootstrap = f"127.0.0.1:{silent.getsockname()[1]}"
        begun = time.monotonic()
        with pytest.raises(reaching.KafkaRefusedError, match=f"no Kafka answers at {bootstrap}") as refused:
            await reaching.reach(client(bootstrap_servers=bootstrap), bootstrap)
    assert time.monotonic() - begun < 5
    assert status_of(refused.value) is Exit.BROKER


def test_the_look_for_a_twin_ends_in_words_where_no_broker_answers(nobody):
    with pytest.raises(BrokerUnreachable, match=f"no Kafka answers at {nobody}") as refused:
        asyncio.run(refuse_living_twin(nobody, "worker-1"))
    assert status_of(refused.value) is Exit.BROKER


@pytest.fixture(scope="module")
def bare(tmp_path_factory) -> Iterator[str]:
    """Address of a Kafka without topics; its own, because others apply the topics to the session's."""
    with EmbeddedBroker(tmp_path_factory.mktemp("bare")) as running:
        yield running.bootstrap


@pytest.mark.broker
@pytest.mark.parametrize(
    "line",
    [
        "close 2025-05",
        "run-revenue 2025-05-31",
        "reference activate 3",
        "reference publish ROWS",
        "worker --web-port 0",
    ],
)
def test_where_topics_are_missing_a_command_says_how_to_make_them(line, tieout, bare, tmp_path):
    rows = tmp_path / "rows.jsonl"
    rows.touch()
    done = tieout(*line.replace("ROWS", str(rows)).split(), TIEOUT_BOOTSTRAP=bare)
    assert done.returncode == Exit.FAILURE, done.stderr
    assert "tieout topics apply" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_page_whose_port_is_taken_is_3(tieout, nobody):
    host, _, port = nobody.partition(":")
    done = tieout("stats", "serve", "--host", host, "--port", port, "--bootstrap", nobody)
    assert done.returncode == Exit.CONFIG, done.stderr
    assert "TIEOUT_WEB_PORT" in done.stderr


@pytest.mark.broker
def test_a_request_waits_for_the_partitions_that_there_are_or_is_not_written(tieout, bare):
    """The last but one test of this broker: the topics are there from now on."""
    assert tieout("topics", "apply", TIEOUT_BOOTSTRAP=bare, TIEOUT_PARTITIONS="2").returncode == Exit.OK
    wrong = tieout("close", "2025-05", TIEOUT_BOOTSTRAP=bare, TIEOUT_PARTITIONS="1")
    assert wrong.returncode == Exit.FAILURE
    assert "has 2 partitions, TIEOUT_PARTITIONS says 1; set it to 2" in wrong.stderr
    late = tieout("close", "2025-05", "--wait-seconds", "0.2", TIEOUT_BOOTSTRAP=bare, TIEOUT_PARTITIONS="2")
    assert late.returncode == Exit.FAILURE
    assert "no receipt yet from partitions [0, 1]" in late.stderr
    twice = tieout("topics", "apply", TIEOUT_BOOTSTRAP=bare, TIEOUT_PARTITIONS="3")
    assert twice.returncode == Exit.FAILURE


@pytest.mark.broker
def test_a_worker_that_is_refused_says_why_and_which_kind_of_why(tieout, bare, nobody):
    here = {"TIEOUT_BOOTSTRAP": bare, "TIEOUT_PARTITIONS": "2"}
    assert tieout("topics", "apply", **here).returncode == Exit.OK
    port = nobody.rpartition(":")[2]
    taken = tieout("worker", "--web-port", port, **here)
    assert taken.returncode == Exit.CONFIG, taken.stderr
    assert "TIEOUT_WEB_PORT" in taken.stderr
    other = tieout("worker", "--web-port", 0, TIEOUT_BOOTSTRAP=bare, TIEOUT_PARTITIONS="3")
    assert other.returncode == Exit.FAILURE, other.stderr
    assert "set it to 2" in other.stderr
