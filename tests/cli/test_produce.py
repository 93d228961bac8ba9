"""Goal: ``tieout produce`` sends all or nothing and says what is wrong. Method: the command, with no broker there."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tieout.streams.operate.cli.produce import app

SAMPLE = Path(__file__).resolve().parents[1] / "fixtures" / "events" / "one_contract.jsonl"
NOBODY = "127.0.0.1:1"


def run(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture
def half_bad(tmp_path):
    file = tmp_path / "half.jsonl"
    good = SAMPLE.read_text().splitlines()
    file.write_text("\n".join([good[0], '{"type": "nonsense"}', good[1].replace("1500000", "15000.00")]))
    return file


def test_a_dry_run_counts_the_events_and_needs_no_broker():
    done = run(SAMPLE, "--dry-run", "--bootstrap", NOBODY)
    assert done.exit_code == 0
    assert "67 of 67 lines are valid events" in done.stdout
    assert "1 usage_rated" in done.stdout


def test_one_bad_line_refuses_the_whole_file_and_every_fault_is_told(half_bad):
    done = run(half_bad, "--bootstrap", NOBODY)
    assert done.exit_code == 1
    assert 'line 2, type: "nonsense" is not an event type' in done.stderr
    assert (
        "line 3, amount_minor: 15000.0 is not an integer; write an integer: amounts in minor units"
        in done.stderr
    )
    assert "2 of 3 lines are bad: nothing was sent" in done.stderr


def test_json_output_is_one_object_with_every_fault(half_bad):
    done = run(half_bad, "--dry-run", "--json")
    told = json.loads(done.stdout)
    assert (told["lines"], told["valid"], told["skipped"], told["published"]) == (3, 1, 2, 0)
    assert [bad["line"] for bad in told["bad_lines"]] == [2, 3]
    assert done.exit_code == 1


def test_a_file_that_is_not_there_is_named(tmp_path):
    done = run(tmp_path / "nothing.jsonl", "--dry-run")
    assert done.exit_code == 2
    assert "nothing.jsonl cannot be read" in done.stderr


def test_a_broker_that_is_not_there_is_named():
    done = run(SAMPLE, "--bootstrap", NOBODY)
    assert done.exit_code == 4
    assert f"no Kafka answers at {NOBODY}" in done.stderr
