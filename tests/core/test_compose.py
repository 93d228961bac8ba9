"""docker-compose.yml is sound, and its broker is the one that the tests run against."""

import importlib.metadata
import json
import re
import tomllib
from pathlib import Path

import pytest
import yaml
from jsonschema.validators import validator_for

from tieout.streams.operate.broker.jars import read_lock
from tieout.streams.operate.broker.properties import PLACEMENT, behaviour, from_environment
from tieout.streams.settings import Settings

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docker-compose.yml").read_text("utf-8")
COMPOSE = yaml.safe_load(TEXT)
SERVICES = COMPOSE["services"]


def compose_schema():
    """The compose specification's schema as check-jsonschema ships it; its own command needs the network for less."""
    package = importlib.metadata.distribution("check-jsonschema")
    path = package.locate_file("check_jsonschema/builtin_schemas/vendor/compose-spec.json")
    return json.loads(Path(str(path)).read_text("utf-8"))


def test_the_file_follows_the_compose_specification():
    schema = compose_schema()
    errors = [error.message for error in validator_for(schema)(schema).iter_errors(COMPOSE)]
    assert errors == []
    assert "version" not in COMPOSE


def test_the_schema_would_notice_a_mistake():
    schema = compose_schema()
    broken = {"services": {"kafka": {"image": "x", "port": ["1:1"]}}}
    assert not validator_for(schema)(schema).is_valid(broken)


def test_the_broker_behaves_as_the_embedded_one_that_is_tested():
    composed = from_environment(SERVICES["kafka"]["environment"])
    assert {name: value for name, value in composed.items() if name not in PLACEMENT} == behaviour(1)


def test_the_broker_is_the_release_that_is_tested_pinned_by_digest():
    image = SERVICES["kafka"]["image"]
    assert re.fullmatch(rf"apache/kafka:{re.escape(read_lock().kafka_version)}@sha256:[0-9a-f]{{64}}", image)


def test_ports_are_bound_to_the_loopback_only():
    ports = [port for service in SERVICES.values() for port in service.get("ports", ())]
    assert len(ports) == 2
    assert all(port.startswith("127.0.0.1:") for port in ports)


@pytest.mark.parametrize("name", [name for name in SERVICES if name != "topics"])
def test_services_restart_are_checked_and_limited(name):
    service = SERVICES[name]
    assert service["restart"] == "unless-stopped"
    assert service["healthcheck"]["test"][0] == "CMD"
    assert service["deploy"]["resources"]["limits"]["memory"]
    assert "no-new-privileges:true" in service["security_opt"]


def test_two_workers_start_after_the_topics_and_keep_different_names_and_volumes():
    workers = [SERVICES["worker-1"], SERVICES["worker-2"]]
    assert all(
        worker["depends_on"]["topics"]["condition"] == "service_completed_successfully" for worker in workers
    )
    assert len({worker["environment"]["TIEOUT_WORKER_ID"] for worker in workers}) == 2
    assert len({worker["volumes"][0].split(":")[0] for worker in workers}) == 2


def test_every_setting_that_is_passed_exists():
    passed = {
        name.removeprefix("TIEOUT_").lower()
        for service in SERVICES.values()
        for name in service["environment"]
        if name.startswith("TIEOUT_")
    }
    assert passed <= set(Settings.model_fields)


def test_the_example_environment_documents_every_variable():
    used = set(re.findall(r"\$\{([A-Z_]+)", TEXT)) | {
        secret["environment"] for secret in COMPOSE["secrets"].values()
    }
    example = (ROOT / ".env.example").read_text("utf-8")
    assert used == set(re.findall(r"^([A-Z_]+)=", example, re.MULTILINE))


def test_the_image_is_built_from_every_folder_that_is_installed():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    folders = set(project["tool"]["setuptools"]["package-dir"].values())
    copied = set(re.findall(r"^COPY (\w+) \1$", (ROOT / "Dockerfile").read_text("utf-8"), re.MULTILINE))
    let_through = {
        line[1:] for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines() if line[0] == "!"
    }
    assert folders == copied
    assert folders <= let_through
