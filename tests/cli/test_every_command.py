"""Goal: one command line. Method: walk every command of the program, so that a new one has to fit in too."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from tieout.streams.engine.watchdog import EXIT_STATUS
from tieout.streams.operate.cli import app
from tieout.streams.operate.cli.exits import MEANINGS, Exit
from tieout.streams.operate.generate import SCENARIOS

ROOT = Path(__file__).resolve().parents[2]
FIXTURES = ROOT / "tests" / "fixtures"
HEAVY = ("aiokafka", "faust", "mode", "rocksdict", "jgo", "avro")

NEEDS_A_BROKER = {
    "topics plan": (),
    "topics apply": (),
    "worker": ("--web-port", 0),
    "produce": (FIXTURES / "events" / "one_contract.jsonl",),
    "ingest zuora-export": (FIXTURES / "zuora-linked", "--price-is-ssp"),
    "reference publish": (FIXTURES / "zuora-linked" / "reference.jsonl",),
    "reference activate": (3,),
    "close": ("2025-05",),
    "soft-close": ("2025-05",),
    "reopen": ("2025-05",),
    "run-revenue": ("2025-05-31",),
    "doctor": (),
    "posting status": (),
    "posting resume": ("us-erp",),
    "posting check": (),
    "state digest": (),
    "state rebuild": (),
}
"""Command -> arguments with which it would do its work."""
NEEDS_SETTINGS = {"posting check": {"TIEOUT_ERP_FILE": str(FIXTURES / "erps.toml")}}
"""Command -> settings without which it would not ask a broker."""
NEEDS_NONE = {
    "broker start": "brings one",
    "broker run": "brings one",
    "broker stop": "fine when none runs",
    "broker status": "says so itself, see below",
    "demo": "brings one",
    "generate": "writes a file",
    "scenario run": "plays files",
    "scenario format": "prints a page",
    "scenario shuffle": "plays files",
    "schema check": "reads files",
    "schema list": "reads files",
    "config show": "reads settings",
    "config check": "reads settings",
    "config reference": "prints a page",
    "standin": "is an ERP, and has no broker",
    "tryton start": "brings an ERP",
    "tryton run": "brings an ERP",
    "tryton stop": "fine when none runs",
    "tryton status": "looks at a directory",
    "stats serve": "shows that no broker answers, see tests/broker/test_heartbeats.py",
    "stats metrics": "prints a page",
}


def leaves() -> dict[str, Any]:
    """Command line -> command, groups excluded."""

    def below(path: tuple[str, ...], command: Any) -> Iterator[tuple[str, Any]]:
        if not hasattr(command, "list_commands"):
            yield " ".join(path), command
            return
        context = command.make_context("tieout", [], resilient_parsing=True)
        for name in command.list_commands(context):
            yield from below((*path, name), command.get_command(context, name))

    return dict(below((), typer.main.get_command(app)))


LEAVES = leaves()


def documented(help_text: str) -> dict[int, str]:
    """Exit status -> meaning, as a help text has them."""
    section = help_text.partition("Exit status:")[2]
    return {int(code): meaning for code, meaning in re.findall(r"^ +(\d+)  (\S.*)$", section, re.MULTILINE)}


@pytest.fixture(scope="module")
def helped() -> dict[str, Any]:
    """What a fresh process shows for --help of every command, and the heavy modules that it has loaded in the end."""
    script = (
        "import json, sys\n"
        "from typer.testing import CliRunner\n"
        "from tieout.streams.operate.cli import app\n"
        "texts = {}\n"
        "for line in json.loads(sys.argv[1]):\n"
        "    done = CliRunner().invoke(app, [*line.split(), '--help'])\n"
        "    assert done.exit_code == 0, (line, done.output)\n"
        "    texts[line] = done.stdout\n"
        "heavy = sorted({name.partition('.')[0] for name in sys.modules} & set(json.loads(sys.argv[2])))\n"
        "print(json.dumps({'texts': texts, 'heavy': heavy}))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, json.dumps(list(LEAVES)), json.dumps(HEAVY)],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return json.loads(done.stdout)


def test_help_of_every_command_loads_no_kafka_client_no_faust_and_no_store(helped):
    assert helped["heavy"] == []
    assert helped["texts"].keys() == LEAVES.keys()


@pytest.mark.parametrize("line", LEAVES)
def test_a_command_says_what_it_does_and_names_its_exit_statuses_as_all_others_do(line, helped):
    command = LEAVES[line]
    assert (command.help or "").strip(), "the command's function has no docstring"
    shown = [
        option for option in command.params if option.name != "help" and not getattr(option, "hidden", False)
    ]
    assert all((option.help or "").strip() for option in shown), "an option without help"
    stated = documented(helped["texts"][line])
    assert stated == {code: MEANINGS[Exit(code)] for code in stated}
    assert stated.keys() >= {Exit.OK, Exit.USAGE, Exit.INTERRUPTED}
    assert (Exit.BROKER in stated) == (line in NEEDS_A_BROKER or line.startswith("broker") or line == "demo")


def test_every_command_is_known_to_need_a_broker_or_not():
    assert NEEDS_A_BROKER.keys() | NEEDS_NONE.keys() == LEAVES.keys()


@pytest.mark.parametrize("line", NEEDS_A_BROKER)
def test_where_no_broker_answers_a_command_ends_with_4_and_says_where(line, tieout, nobody):
    done = tieout(*line.split(), *NEEDS_A_BROKER[line], "--bootstrap", nobody, **NEEDS_SETTINGS.get(line, {}))
    assert done.returncode == Exit.BROKER, done.stderr
    assert nobody in done.stderr
    assert "tieout broker st" in done.stderr, "it names no next step"
    assert "Traceback" not in done.stderr
    assert "Unclosed" not in done.stderr


def test_the_status_of_a_broker_that_is_not_there_is_4(tieout, tmp_path):
    assert tieout("broker", "status", "--data-dir", tmp_path / "kafka").returncode == Exit.BROKER


@pytest.mark.parametrize("line", LEAVES)
def test_an_unknown_option_is_a_usage_error(line, tieout_in_process):
    done = tieout_in_process(*line.split(), "--no-such-option")
    assert done.exit_code == Exit.USAGE
    assert "--no-such-option" in done.stderr


@pytest.fixture
def tieout_in_process():
    return lambda *arguments: CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.mark.parametrize(
    ("line", "instead"),
    [
        ("close 2025-13", "write a month as 2025-05"),
        ("close May", "write a month as 2025-05"),
        ("close 2025-5", "write a month as 2025-05"),
        ("close 2025-05 --subledger ar", "choose one of revenue, receivables, general, or * for all"),
        ("soft-close May", "write a month as 2025-05"),
        ("soft-close 2025-05 --subledger gl", "choose one of revenue, receivables, general"),
        ("reopen 2025-13", "write a month as 2025-05"),
        ("run-revenue 2025-02-30", "write it as 2025-05-31"),
        ("close 2201-01", "of the years 1970 to 2200"),
        ("close 0000-05", "of the years 1970 to 2200"),
        ("run-revenue 2201-01-01", "give a day from 1970-01-01 to 2200-12-31"),
        ("run-revenue 1969-12-31", "give a day from 1970-01-01 to 2200-12-31"),
        ("generate --scenario night", "choose one of day, quarter-end"),
        ("generate --start 2025-01-02", "give the first of a month"),
        ("demo --scenario night", "choose one of day, quarter-end"),
        ("worker --start-at contracts", "write contracts=1200"),
        ("reference activate soon", "integer"),
        ("broker start --nodes 2", "a cluster has 1 or 3 nodes"),
        ("schema check --release", "name it with --folder"),
    ],
)
def test_an_argument_that_cannot_be_meant_is_a_usage_error_that_says_what_to_write(
    line, instead, tieout_in_process
):
    done = tieout_in_process(*line.split())
    assert done.exit_code == Exit.USAGE, done.output
    assert instead in done.stderr
    assert done.stdout == ""


def test_a_label_of_a_listed_calendar_is_a_period(tieout, nobody):
    assert tieout("close", "FY25-P13", "--bootstrap", nobody).returncode == Exit.BROKER


@pytest.mark.parametrize("line", ["produce", "reference publish", "ingest zuora-export"])
def test_a_file_that_cannot_be_read_is_2(line, tieout_in_process, tmp_path):
    done = tieout_in_process(*line.split(), tmp_path / "nowhere")
    assert done.exit_code == Exit.USAGE
    assert str(tmp_path / "nowhere") in done.stderr


@pytest.mark.parametrize(
    "content", [b'{"header": {"kind": "weather"}}\n', b"\xff\xfe\n"], ids=["line", "bytes"]
)
@pytest.mark.parametrize("line", ["produce", "reference publish"])
def test_a_bad_line_is_1_and_no_broker_is_asked(line, content, tieout, tmp_path, nobody):
    file = tmp_path / "rows.jsonl"
    file.write_bytes(content)
    done = tieout(*line.split(), file, "--bootstrap", nobody)
    assert done.returncode == Exit.FAILURE, done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("line", NEEDS_A_BROKER)
def test_settings_that_are_refused_are_3(line, tieout):
    done = tieout(*line.split(), *NEEDS_A_BROKER[line], TIEOUT_PARTITION="2")
    assert done.returncode == Exit.CONFIG, done.stderr
    assert "did you mean" in done.stderr


def test_the_tenant_is_the_same_wherever_it_is_left_out():
    options = {
        line: option
        for line, command in LEAVES.items()
        for option in command.params
        if option.name == "tenant"
    }
    assert options.keys() == {
        "generate",
        "ingest zuora-export",
        "reference publish",
        "reference activate",
        "close",
        "soft-close",
        "reopen",
        "run-revenue",
    }
    assert {option.default for option in options.values()} == {"default"}
    assert {option.help for option in options.values()} == {
        "Tenant. Events, reference rows and requests must name the same one."
    }


def test_the_scenarios_in_the_help_are_the_ones_that_there_are(helped):
    for line in ("generate", "demo"):
        words = " ".join(helped["texts"][line].split())
        *first, last = SCENARIOS
        assert f"{', '.join(first)} or {last}" in words


def test_the_version_is_that_of_the_distribution(tieout):
    done = tieout("--version")
    assert (done.returncode, done.stdout) == (Exit.OK, f"tieout {version('tieout')}\n")


def test_the_page_of_exit_codes_lists_them_all_with_their_meaning():
    text = (ROOT / "docs" / "operations.md").read_text()
    section = text.partition("## Exit codes")[2].partition("\n## ")[0]
    rows = {int(code): means for code, means in re.findall(r"^\| (\d+) \| ([^|]+) \|", section, re.MULTILINE)}
    assert rows == {int(code): meaning for code, meaning in MEANINGS.items()}


def test_the_watchdog_ends_the_process_with_the_status_that_is_documented():
    assert EXIT_STATUS == Exit.STUCK
