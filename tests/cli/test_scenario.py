"""``tieout scenario``: results, differences and statuses of whole files, as a person and a script see them."""

import json
import re
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tieout.streams.operate.cli.exits import Exit
from tieout.streams.operate.cli.scenario import app

FOLDER = Path(__file__).resolve().parents[1] / "golden" / "scenarios"
PAGE = Path(__file__).resolve().parents[2] / "docs" / "scenarios.md"
EXAMPLE = re.search(r"```yaml\n(.*?)```", PAGE.read_text(), re.DOTALL)[1]
WRONG_FIGURE = EXAMPLE.replace("2025-Q3: 420", "2025-Q3: 400").replace("seats-added", "seats-miscounted")
WRONG_KEY = EXAMPLE.replace("amount: 240", "colour: red").replace("seats-added", "seats-painted")
runner = CliRunner()


@pytest.fixture
def given(tmp_path):
    """A file of scenarios."""

    def write(*texts, name="my.yaml"):
        file = tmp_path / name
        file.write_text("".join(texts))
        return str(file)

    return write


def tieout(*arguments):
    return runner.invoke(app, list(map(str, arguments)))


def test_a_file_whose_figures_all_match_ends_with_0(given):
    file = given(EXAMPLE)
    done = tieout("run", file)
    assert (done.exit_code, done.stderr) == (Exit.OK, "")
    assert (
        done.stdout == f"passed  seats-added-in-july ({file}), 7 orders of arrival\n1 of 1 scenarios passed\n"
    )


def test_a_figure_that_differs_is_named_and_ends_with_8(given, tmp_path):
    file, out = given(EXAMPLE, WRONG_FIGURE), tmp_path / "out.json"
    done = tieout("run", file, "--json", out)
    assert done.exit_code == Exit.MISMATCH
    assert "FAILED  seats-miscounted-in-july" in done.stdout
    assert "schedule SEATS 2025-Q3: wanted 400, got 420.00\n1 of 2 scenarios passed\n" in done.stdout
    passed, failed = json.loads(out.read_text())
    assert passed == {
        "name": "seats-added-in-july",
        "file": file,
        "passed": True,
        "differences": [],
        "runs": 7,
    }
    assert (failed["name"], failed["passed"]) == ("seats-miscounted-in-july", False)
    assert failed["differences"] == [
        {"part": "schedule", "path": "SEATS 2025-Q3", "wanted": "400", "got": "420.00", "order": ""}
    ]


def test_a_wrong_key_is_named_with_file_scenario_and_path_and_ends_with_2_and_the_others_are_run(
    given, tmp_path
):
    file, out = given(WRONG_KEY, EXAMPLE), tmp_path / "out.json"
    done = tieout("run", file, "--json", out)
    assert done.exit_code == Exit.USAGE
    assert (
        f"{file}, seats-painted-in-july, events[3].colour: unknown key; known here: at, type" in done.stdout
    )
    assert "1 of 2 scenarios passed" in done.stdout
    wrong, passed = json.loads(out.read_text())
    assert (wrong["passed"], passed["passed"]) == (False, True)
    assert wrong["differences"][0]["part"] == "error"
    assert wrong["differences"][0]["path"] == "events[3].colour"


def test_a_name_that_is_used_twice_is_wrong(given):
    done = tieout("run", given(EXAMPLE, EXAMPLE))
    assert done.exit_code == Exit.USAGE
    assert "the name is used before" in done.stdout


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda folder: folder / "nowhere.yaml", "cannot be read: No such file"),
        (lambda folder: folder, "holds no *.yaml file"),
        (lambda folder: _bytes(folder / "a.yaml", b"\xff\xfe"), "it is no UTF-8 text"),
        (lambda folder: _bytes(folder / "a.yaml", b"- [\n"), "line 2, column 1"),
    ],
    ids=["no file", "empty folder", "bytes", "no YAML"],
)
def test_what_cannot_be_read_ends_with_2_and_says_why(make, said, tmp_path):
    done = tieout("run", make(tmp_path))
    assert done.exit_code == Exit.USAGE, done.output
    assert said in done.stdout
    assert "Traceback" not in done.output


def _bytes(path, content):
    path.write_bytes(content)
    return path


def test_folders_are_searched_and_one_scenario_can_be_asked_for(given, tmp_path):
    given(EXAMPLE)
    (tmp_path / "below").mkdir()
    given(WRONG_FIGURE, name="below/other.yaml")
    assert "1 of 2 scenarios passed" in tieout("run", tmp_path).stdout
    assert tieout("run", tmp_path, "--only", "seats-added-in-july").exit_code == Exit.OK
    given(WRONG_KEY, name="below/wrong.yaml")
    assert tieout("run", tmp_path, "--only", "seats-added-in-july").exit_code == Exit.OK
    assert tieout("run", tmp_path, "--only", "seats-painted-in-july").exit_code == Exit.USAGE
    nobody = tieout("run", tmp_path, "--only", "nobody")
    assert nobody.exit_code == Exit.USAGE
    assert "seats-added-in-july" in nobody.stderr
    (tmp_path / "torn.yaml").write_text("- [")
    assert "line 1" in tieout("run", tmp_path, "--only", "nobody").stdout


def test_results_that_cannot_be_written_are_a_usage_error(given, tmp_path):
    done = tieout("run", given(EXAMPLE), "--json", tmp_path / "nowhere" / "out.json")
    assert done.exit_code == Exit.USAGE
    assert "name another file with --json" in done.stderr


def test_a_computation_is_explained_on_request(given):
    done = tieout("run", given(EXAMPLE), "--explain")
    assert done.exit_code == Exit.OK
    assert "**Transaction price (606-10-32-2)**" in done.stdout
    assert "| 2025-09 | 1,440.00 | 1,020.00 | 1,440.00 | 420.00 | 0.00 | 0.00 | 420.00 |" in done.stdout


def test_a_shuffled_file_ends_with_0_when_every_order_ends_alike(given):
    file = given(EXAMPLE)
    done = tieout("shuffle", file, "--runs", "3", "--seed", "5")
    assert (done.exit_code, done.stdout.count("passed")) == (Exit.OK, 2)
    assert tieout("shuffle", given(WRONG_FIGURE)).exit_code == Exit.MISMATCH


def test_without_pyyaml_the_extra_is_named(given, monkeypatch):
    monkeypatch.setitem(sys.modules, "yaml", None)
    done = tieout("run", given(EXAMPLE))
    assert done.exit_code == Exit.CONFIG
    assert "pip install 'tieout[scenario]'" in done.stderr


def test_a_whole_file_of_the_tests_runs_as_it_does_in_them():
    done = tieout("run", FOLDER / "tax.yaml", "--runs", "2")
    assert done.exit_code == Exit.OK, done.stdout
