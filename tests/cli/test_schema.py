"""Goal: ``tieout schema`` judges a source tree and releases only what is sound. Method: a copy of the schema files."""

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tieout.streams.operate.cli.schema import app

AVRO = Path(__file__).resolve().parents[2] / "avro"
PAYMENT = "schemas/events/payment_received.v1.avsc"


def run(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture
def folder(tmp_path):
    shutil.copytree(AVRO / "schemas", tmp_path / "schemas")
    shutil.copy(AVRO / "schemas.lock.json", tmp_path)
    return tmp_path


def second_version(folder, *fields):
    schema = json.loads((folder / PAYMENT).read_text())
    schema["fields"] += fields
    (folder / PAYMENT.replace(".v1.", ".v2.")).write_text(json.dumps(schema))


def test_the_packaged_language_passes():
    done = run("check")
    assert done.exit_code == 0, done.output
    assert "nothing wrong" in done.stdout


def test_a_list_of_what_is_released_names_ids_ordering_and_owner():
    schemas = json.loads(run("list", "--json").stdout)["schemas"]
    first = schemas[0]
    assert (first["id"], first["type"], first["ordering"]) == (100, "contract_activated", "sequence")
    assert first["owner"] == "sales operations"
    assert len({row["id"] for row in schemas}) == len(schemas)
    assert "payment_received" in run("list").stdout


def test_a_changed_released_file_is_a_finding_with_its_place(folder):
    schema = (folder / PAYMENT).read_text().replace('"amount_minor"', '"amount"')
    (folder / PAYMENT).write_text(schema)
    done = run("check", "--folder", folder)
    assert done.exit_code == 6
    assert f"{PAYMENT}: the file, or a record that it uses, changed after its release" in done.stdout


def test_a_sound_new_version_is_released_under_the_next_id_and_then_belongs_to_the_language(folder):
    second_version(folder, {"name": "fee_minor", "type": ["null", "long"], "default": None})
    assert (
        "Not released yet: schemas/events/payment_received.v2.avsc" in run("check", "--folder", folder).stdout
    )
    assert run("check", "--folder", folder, "--release").exit_code == 0
    newest = json.loads(run("list", "--folder", folder, "--json").stdout)["schemas"][-1]
    assert (newest["record"], newest["version"]) == ("tieout.events.PaymentReceived", 2)
    told = json.loads(run("check", "--folder", folder, "--json").stdout)
    assert (told["ok"], told["unreleased"]) == (True, [])


def test_a_new_version_that_breaks_readers_is_not_released(folder):
    second_version(folder, {"name": "fee_minor", "type": "long"})
    before = (folder / "schemas.lock.json").read_text()
    done = run("check", "--folder", folder, "--release", "--json")
    assert done.exit_code == 6
    assert {finding["rule"] for finding in json.loads(done.stdout)["findings"]} == {"compatibility"}
    assert (folder / "schemas.lock.json").read_text() == before


def test_a_folder_that_is_none_and_a_release_of_the_package_are_refused(tmp_path):
    assert run("check", "--folder", tmp_path / "nowhere").exit_code == 2
    done = run("check", "--release")
    assert done.exit_code == 2
    assert "name it with --folder" in done.stderr
