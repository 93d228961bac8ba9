"""Goal: ``tieout ingest zuora-export`` accounts for every row in words and in JSON. Method: the command, no broker."""

import json
from pathlib import Path

from typer.testing import CliRunner

from tieout.streams.operate.cli.ingest import app

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures"


def run(*arguments):
    return CliRunner().invoke(app, ["zuora-export", *(str(argument) for argument in arguments)])


def test_every_row_of_the_real_export_is_in_the_figures_and_each_exception_has_an_owner():
    done = run(FIXTURES / "zuora", "--dry-run", "--json")
    figures = json.loads(done.stdout)
    assert done.exit_code == 0
    for counts in figures["tables"].values():
        assert counts["rows"] == counts["in_events"] + counts["exceptions"]
    assert len(figures["exceptions"]) == sum(figures["reasons"].values()) == 27
    assert all(each["owner"] and each["next_step"] and each["detail"] for each in figures["exceptions"])
    assert len(figures["tables_not_used"]) == 14


def test_in_words_each_exception_names_its_line_and_the_linked_export_its_events():
    real = run(FIXTURES / "zuora", "--dry-run").stdout
    assert "subscription line 2 (8ad0877b8262bc1e018263418ba12451): NOT_ACTIVE, its status is Draft" in real
    linked = run(FIXTURES / "zuora-linked", "--dry-run", "--price-is-ssp").stdout
    assert "13 rows = 13 in events + 0 exceptions" in linked
    assert "4 contract_activated" in linked


def test_a_folder_without_the_tables_is_named(tmp_path):
    done = run(tmp_path, "--dry-run")
    assert done.exit_code == 2
    assert "zuora_invoice_item_data.csv" in done.stderr
