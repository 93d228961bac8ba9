"""Goal: each import-linter contract of pyproject.toml can fail. Method: copy the folders, break every one, run it."""

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("avro", "tables", "agents", "streams")

BREAKS = {
    "accounting": ("agents/accounting/planted_accounting.py", "import tieout.agents.contracts.draft\n"),
    "layers": ("tables/planted_layers.py", "import tieout.agents.spec\n"),
    "pure": ("agents/planted_pure.py", "import time\n"),
    "rocksdb": ("streams/planted_rocksdb.py", "import rocksdict\n"),
    "adapter": ("agents/planted_adapter.py", "import tieout.tables.rocksdb_store\n"),
    "engine": ("streams/engine/planted_engine.py", "import tieout.avro.events\n"),
    "faust": ("streams/operate/planted_faust.py", "import faust\n"),
}


@pytest.fixture(scope="module")
def broken_copy(tmp_path_factory):
    copy = tmp_path_factory.mktemp("import-rules")
    for folder in FOLDERS:
        shutil.copytree(ROOT / folder, copy / "tieout" / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", copy)
    for path, text in BREAKS.values():
        (copy / "tieout" / path).write_text(text)
    return copy


@pytest.fixture(scope="module")
def verdicts(broken_copy):
    """The linter's verdict (KEPT or BROKEN) by contract name, on the broken copy."""
    lint_imports = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run(
        [lint_imports, "--no-cache", "--no-logo"],
        cwd=broken_copy,
        env={"PYTHONPATH": str(broken_copy), "PATH": "/usr/bin:/bin", "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    return dict(re.findall(r"^(.+) (KEPT|BROKEN)\b", done.stdout, flags=re.MULTILINE))


def contracts():
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]


@pytest.mark.parametrize("contract", contracts(), ids=lambda contract: contract["id"])
def test_the_import_rule_can_fail(contract, verdicts):
    assert contract["id"] in BREAKS, "plant a violation for the new contract"
    assert verdicts[contract["name"]] == "BROKEN"
