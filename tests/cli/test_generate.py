"""``tieout generate``: what it writes is what ``tieout produce`` takes, and a mistake leaves no file behind."""

import json

from typer.testing import CliRunner

from tieout.avro.codec import Codec
from tieout.streams.edges.files import InboxRecord, read_events
from tieout.streams.operate.cli.generate import app
from tieout.streams.operate.generate import generate

runner = CliRunner()


def test_the_file_holds_the_generated_events_in_order(tmp_path):
    file = tmp_path / "events.jsonl"
    result = runner.invoke(
        app, ["--scenario", "quarter-end", "--contracts", "20", "--seed", "4", "--out", str(file)]
    )
    assert result.exit_code == 0, result.output
    records = list(read_events(file, Codec.load()))
    assert all(isinstance(each, InboxRecord) for each in records)
    assert [each.event for each in records] == list(generate("quarter-end", 20, 4, tenant="default").events())
    assert [path.name for path in tmp_path.iterdir()] == ["events.jsonl"]


def test_without_a_file_the_events_go_to_standard_output_and_the_figures_do_not():
    result = runner.invoke(app, ["--contracts", "3"])
    events = list(generate("day", 3, 1).events())
    assert len(result.stdout.splitlines()) == len(events)
    assert all(json.loads(line)["type"] for line in result.stdout.splitlines())


def test_the_figures_as_json_say_how_events_must_end():
    result = runner.invoke(app, ["--contracts", "30", "--json"])
    figures = json.loads(result.stdout)
    assert figures["events"] == sum(figures["types"].values()) == sum(figures["fates"].values())
    assert figures["scenario"] == "day"


def test_what_cannot_be_is_refused_with_the_way_out(tmp_path):
    for options, wanted in (
        (["--scenario", "night"], "choose one of day"),
        (["--contracts", "0"], "Invalid value for '--contracts'"),
        (["--start", "soon"], "write it as 2025-05-31"),
        (["--start", "2025-01-02"], "give the first of a month"),
        (["--out", str(tmp_path / "missing" / "events.jsonl")], "name another file"),
    ):
        result = runner.invoke(app, options)
        assert result.exit_code == 2
        assert wanted in result.output
        assert "Traceback" not in result.output
