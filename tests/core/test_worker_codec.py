"""Goal: a worker runs the codec that its settings ask for, and says which. Method: build its parts without a broker."""

import pytest

from tieout.avro import record_codec
from tieout.streams import app
from tieout.streams.engine.errors import StartRefused
from tieout.streams.operate import logs
from tieout.streams.settings import Settings


@pytest.fixture
def told(monkeypatch):
    """What the worker has logged about its codec."""
    found = []

    class Logger:
        def info(self, event, **fields):
            found.append((event, fields))

        warning = info

    monkeypatch.setattr(logs, "logger", lambda _: Logger())
    return found


def test_a_worker_logs_the_codec_that_it_was_asked_to_run(told):
    assert app.build(Settings(codec="fastavro")).codec.implementation == "fastavro"
    assert told == [("codec", {"implementation": "fastavro"})]


def test_a_worker_takes_the_compiled_codec_unasked_where_it_is_installed(told):
    assert app.build(Settings()).codec.implementation == record_codec.implementation()


def test_a_worker_whose_codec_is_stale_runs_the_other_and_says_what_to_do(monkeypatch, told):
    monkeypatch.setattr(record_codec, "CompiledRecords", None)
    monkeypatch.setattr(record_codec, "STALE", "it is stale: run make")
    assert app.build(Settings()).codec.implementation == "fastavro"
    assert told == [
        ("codec", {"implementation": "fastavro"}),
        ("codec_stale", {"reason": "it is stale: run make"}),
    ]
    with pytest.raises(StartRefused, match=r"TIEOUT_CODEC=compiled: it is stale: run make"):
        app.build(Settings(codec="compiled"))


def test_a_worker_that_was_asked_for_a_codec_that_is_not_installed_does_not_start(monkeypatch):
    monkeypatch.setattr(record_codec, "CompiledRecords", None)
    with pytest.raises(StartRefused, match=r"TIEOUT_CODEC=compiled: .* install a C compiler"):
        app.build(Settings(codec="compiled"))
