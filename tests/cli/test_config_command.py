"""`tieout config`: every setting is shown, secrets are not, and a refusal has its own exit status."""

from __future__ import annotations

import json
import os

import pytest
from typer.testing import CliRunner

from tieout.streams.operate.cli.config import app
from tieout.streams.settings import Settings

TOKEN = "canary-token-0123456789-abcdef"


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch):
    for name in list(os.environ):
        if name.startswith("TIEOUT_"):
            monkeypatch.delenv(name)


def run(*arguments: str):
    return CliRunner().invoke(app, list(arguments))


def test_show_prints_each_setting_with_value_unit_and_origin(monkeypatch):
    monkeypatch.setenv("TIEOUT_PARTITIONS", "64")
    result = run("show")
    assert result.exit_code == 0
    lines = dict(line.split(None, 1) for line in result.stdout.splitlines())
    assert set(lines) == set(Settings.model_fields)
    assert lines["partitions"] == "64  [partitions; environment]"
    assert lines["web_token"] == "(not set)  [secret; default]"


def test_show_never_prints_a_secret(monkeypatch):
    monkeypatch.setenv("TIEOUT_WEB_TOKEN", TOKEN)
    for arguments in (("show",), ("show", "--json")):
        result = run(*arguments)
        assert result.exit_code == 0
        assert TOKEN not in result.output
        assert "(set, not shown)" in result.output


def test_show_says_which_codec_a_worker_would_run_here(monkeypatch):
    monkeypatch.setenv("TIEOUT_CODEC", "fastavro")
    assert "codec                        fastavro (here: fastavro)" in run("show").stdout
    monkeypatch.setattr("tieout.avro.record_codec.CompiledRecords", None)
    monkeypatch.setenv("TIEOUT_CODEC", "auto")
    assert "auto (here: fastavro)" in run("show").stdout
    monkeypatch.setenv("TIEOUT_CODEC", "compiled")
    assert "compiled (not installed here: a worker would refuse to start)" in run("show").stdout
    monkeypatch.setattr("tieout.avro.record_codec.STALE", "it is stale: run make")
    assert "compiled (stale here: a worker would refuse to start)" in run("show").stdout
    monkeypatch.setenv("TIEOUT_CODEC", "auto")
    assert "auto (here: fastavro; it is stale: run make)" in run("show").stdout


def test_show_as_json_is_one_object_with_every_setting():
    assert set(json.loads(run("show", "--json").stdout)) == set(Settings.model_fields)


def test_check_accepts_a_good_file_and_refuses_a_bad_one_with_status_three(tmp_path):
    file = tmp_path / "tieout.toml"
    file.write_text("partitions = 3\n")
    assert run("check", "--file", str(file)).exit_code == 0
    file.write_text("partition = 3\n")
    result = run("check", "--file", str(file))
    assert result.exit_code == 3
    assert result.stdout == ""
    assert "settings refused: partition: no such setting; did you mean partitions?" in result.stderr
