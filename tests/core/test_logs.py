"""Logs: one JSON object a line, libraries limited, nothing personal or secret, stdout untouched."""

from __future__ import annotations

import io
import json
import logging
from pathlib import Path

import pytest
import structlog

import tieout.avro
from tieout.streams.operate import log_limit, logs


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def out():
    stream = io.StringIO()
    root = logging.getLogger()
    before = root.handlers[:], root.level
    logs.configure("json", "info", stream)
    yield stream
    for handler in root.handlers[:]:
        if isinstance(handler, log_limit.LimitedHandler):
            root.removeHandler(handler)
    root.handlers[:], root.level = before
    structlog.reset_defaults()


def lines(stream: io.StringIO) -> list[dict]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_is_one_json_object_with_the_known_fields_first(out):
    logs.logger("tieout.demo").info("decided", outcome="applied", stage="decide", offset=7, extra=b"\x01")
    [line] = lines(out)
    assert list(line)[:6] == ["timestamp", "level", "logger", "event", "offset", "stage"]
    assert (line["event"], line["outcome"], line["extra"]) == ("decided", "applied", "01")


def test_bound_context_is_on_every_line_also_of_libraries(out):
    with structlog.contextvars.bound_contextvars(correlation_id="c-1"):
        logging.getLogger("aiokafka.conn").error("gone: %s", "x")
    [line] = lines(out)
    assert (line["correlation_id"], line["event"], line["logger"]) == ("c-1", "gone: x", "aiokafka.conn")


def test_a_message_below_the_level_is_not_written(out):
    logs.logger("tieout.demo").debug("quiet")
    logging.getLogger("faust.app").info("quiet too")
    assert out.getvalue() == ""


def test_an_outage_of_five_thousand_equal_lines_becomes_a_handful_and_a_count(out):
    for node in range(5_000):
        logging.getLogger("aiokafka").error("Unable connect to node with id %s: refused", node)
    assert len(lines(out)) == log_limit.LIBRARY_BURST
    next(h for h in logging.getLogger().handlers if isinstance(h, log_limit.LimitedHandler)).close()
    told = lines(out)[-1]
    assert told["event"].startswith("4995 more lines like this")
    assert told["logger"] == "aiokafka"


def test_a_repeated_message_does_not_hold_back_another_one(out):
    for _ in range(100):
        logging.getLogger("aiokafka").error("first")
    logging.getLogger("aiokafka").error("second")
    assert lines(out)[-1]["event"] == "second"


def test_what_was_held_back_is_told_when_its_window_ends():
    now = 0.0
    stream = io.StringIO()
    handler = log_limit.LimitedHandler(stream, lambda: now)
    log = logging.getLogger("aiokafka.test_window")
    log.addHandler(handler)
    log.propagate = False
    for _ in range(8):
        log.error("gone")
    now = log_limit.WINDOW_SECONDS
    log.error("something else")
    assert stream.getvalue().splitlines()[5:] == [
        f"3 more lines like this in 10 seconds, from {Path(__file__).name}:{line_of('gone')}",
        "something else",
    ]


def line_of(text: str) -> int:
    source = Path(__file__).read_text().splitlines()
    return next(number for number, line in enumerate(source, 1) if f'log.error("{text}")' in line)


def test_the_number_of_remembered_messages_is_bounded():
    repeats = log_limit.Repeats()
    for number in range(3 * log_limit.MOST_KINDS):
        repeats.admit(log_limit.Kind("x", 10, str(number)), 0.0)
        list(repeats.ended(0.0))
    assert len(repeats._windows) <= log_limit.MOST_KINDS


def test_personal_and_secret_values_are_never_written(out):
    logs.logger("tieout.demo").warning(
        "refused",
        actor="canary-ann",
        customer_id="canary-acme",
        token="canary-t",
        headers={"Authorization": "canary-a"},
    )
    assert "canary" not in out.getvalue()
    assert lines(out)[0]["actor"] == logs.REDACTED


def test_every_field_that_a_schema_calls_personal_is_redacted():
    folder = Path(tieout.avro.__file__).parent / "schemas"
    personal = set()
    for path in folder.rglob("*.avsc"):
        for field in json.loads(path.read_text()).get("fields", []):
            if '"personal"' in json.dumps(field):
                personal.add(field["name"])
    assert personal
    assert personal <= logs.PERSONAL


def test_a_traceback_is_one_field_of_one_line(out):
    try:
        _ = {}["boom"]
    except KeyError:
        logs.logger("tieout.demo").exception("failed")
    [line] = lines(out)
    assert "KeyError: 'boom'" in line["exception"]


def test_a_terminal_gets_colour_and_anything_else_json():
    for stream, as_json in ((Terminal(), False), (io.StringIO(), True)):
        logs.configure("auto", "info", stream)
        logs.logger("tieout.demo").info("started")
        assert stream.getvalue().startswith("{") == as_json
        assert ("\x1b[" in stream.getvalue()) != as_json
