"""Settings: one frozen object, and nothing unknown or unsafe passes in silence."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from tieout.streams import settings as module
from tieout.streams.app import engine_settings
from tieout.streams.settings import Settings, SettingsRefused, load

DOCS = Path(__file__).parents[2] / "docs"
TOKEN = "canary-token-0123456789-abcdef"


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch):
    for name in list(os.environ):
        if name.startswith("TIEOUT_"):
            monkeypatch.delenv(name)


def refusal(**given) -> str:
    with pytest.raises(SettingsRefused) as caught:
        load(**given)
    return str(caught.value)


def test_defaults_load_without_any_environment():
    settings = load()
    assert (settings.transaction_max_records, settings.transaction_max_ms) == (5_000, 50)
    assert settings.byte_budget_bytes == 268_435_456
    assert settings.gap_timer_seconds == 900
    assert (settings.web_host, settings.web_port) == ("127.0.0.1", 0)


def test_options_win_over_environment_and_environment_over_the_file(tmp_path, monkeypatch):
    file = tmp_path / "tieout.toml"
    file.write_text('partitions = 3\napp_id = "from-file"\nlog_level = "error"\n')
    monkeypatch.setenv("TIEOUT_APP_ID", "from-env")
    monkeypatch.setenv("TIEOUT_LOG_LEVEL", "debug")
    settings = load(file, log_level="warning")
    assert (settings.partitions, settings.app_id, settings.log_level) == (3, "from-env", "warning")
    assert module.origins(settings)["app_id"] == "environment"
    assert module.origins(settings)["partitions"] == "file or option"
    assert module.origins(settings)["bootstrap"] == "default"


def test_the_settings_cannot_be_changed_after_they_were_read():
    with pytest.raises(ValueError, match="frozen"):
        load().partitions = 9


def test_a_list_of_agents_is_written_with_commas(monkeypatch):
    monkeypatch.setenv("TIEOUT_AGENTS", "contracts, control")
    assert load().agents == ("contracts", "control")


def test_posting_needs_the_file_of_its_accounts(monkeypatch):
    monkeypatch.setenv("TIEOUT_AGENTS", "posting")
    assert "name their file with TIEOUT_ERP_FILE" in refusal()
    monkeypatch.setenv("TIEOUT_ERP_FILE", "erps.toml")
    assert str(load().erp_file) == "erps.toml"


def test_a_misspelt_environment_key_is_refused_with_the_nearest_one(monkeypatch):
    monkeypatch.setenv("TIEOUT_BOOTSTRP", "x:1")
    assert "TIEOUT_BOOTSTRP: no such setting; did you mean TIEOUT_BOOTSTRAP?" in refusal()


def test_every_variable_with_our_prefix_that_the_code_reads_is_known():
    root = Path(__file__).parents[2]
    named = {
        name
        for folder in ("avro", "tables", "agents", "streams")
        for path in (root / folder).rglob("*.py")
        for name in re.findall(r'"(TIEOUT_[A-Z_]+[A-Z])"', path.read_text())
    }
    settings = {"TIEOUT_" + name.upper() for name in Settings.model_fields}
    assert named - settings <= set(module.READ_ELSEWHERE)


def test_a_variable_that_is_read_elsewhere_is_no_mistake(monkeypatch):
    for name in module.READ_ELSEWHERE:
        monkeypatch.setenv(name, "x")
    assert load().partitions == 8


def test_a_misspelt_key_in_the_file_is_refused_with_the_nearest_one(tmp_path):
    file = tmp_path / "tieout.toml"
    file.write_text("gap_timer_second = 3\n")
    assert "did you mean gap_timer_seconds?" in refusal(config_file=file)


def test_a_missing_or_broken_file_is_refused_by_name(tmp_path):
    assert "no such settings file" in refusal(config_file=tmp_path / "absent.toml")
    file = tmp_path / "broken.toml"
    file.write_text("partitions = = 3\n")
    assert "broken.toml: cannot be read" in refusal(config_file=file)


def test_a_value_out_of_range_names_key_and_limit(monkeypatch):
    monkeypatch.setenv("TIEOUT_PARTITIONS", "0")
    assert "partitions (TIEOUT_PARTITIONS)" in refusal()


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.4", "tieout.example"])
def test_a_bind_that_others_can_reach_needs_a_token(host):
    assert "web_token is not set" in refusal(web_host=host)
    assert load(web_host=host, web_token=TOKEN).web_host == host


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "localhost"])
def test_a_loopback_bind_needs_no_token(host):
    assert load(web_host=host).web_token is None


def test_a_short_token_is_refused_and_not_repeated_in_the_message():
    message = refusal(web_token="hunter2")
    assert "128 bits" in message
    assert "hunter2" not in message


def test_the_token_is_read_from_a_secret_file_and_never_shown(tmp_path, monkeypatch):
    (tmp_path / "tieout_web_token").write_text(TOKEN + "\n")
    monkeypatch.setenv("TIEOUT_SECRETS_DIR", str(tmp_path))
    settings = load()
    assert settings.web_token is not None
    assert settings.web_token.get_secret_value() == TOKEN
    assert TOKEN not in str(module.shown(settings))
    assert TOKEN not in repr(settings)


def test_a_missing_directory_of_secrets_is_refused_and_not_taken_for_no_secrets(tmp_path):
    assert "no such directory of secrets" in refusal(secrets_dir=tmp_path / "absent")


def test_a_commit_may_not_outlive_its_transaction():
    assert "transaction_timeout_seconds" in refusal(
        commit_deadline_seconds=60, transaction_timeout_seconds=60
    )


def test_no_transaction_may_collect_for_longer_than_its_commit_may_take():
    assert "transaction_max_ms" in refusal(commit_deadline_seconds=1.0, transaction_max_ms=5_000)
    engine_settings(load(commit_deadline_seconds=1.0, transaction_max_ms=999))


@pytest.mark.parametrize("name", ["tick_seconds", "gap_timer_seconds"])
@pytest.mark.parametrize("seconds", [0.0, 1e300, float("inf"), float("nan")])
def test_a_time_that_no_clock_reaches_is_refused(name, seconds):
    assert name in refusal(**{name: seconds})


def test_each_setting_states_a_unit_and_a_reason():
    for name, field in Settings.model_fields.items():
        assert isinstance(field.json_schema_extra, dict), name
        assert field.json_schema_extra["unit"], name
        assert len(field.description or "") > 20, name


def test_the_settings_page_is_what_the_model_says():
    assert (DOCS / "settings.md").read_text() == module.reference(), (
        "run: tieout config reference > docs/settings.md"
    )
