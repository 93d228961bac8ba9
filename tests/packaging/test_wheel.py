"""Goal: the wheel holds the four folders under one namespace and nothing else, and lives beside the packages whose
import names our folders share (PyTables is `tables`, Apache Avro is `avro`). Method: build it, look inside, install it.
"""

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("avro", "tables", "agents", "streams")
BUILD_INPUTS = (*FOLDERS, "pyproject.toml", "setup.py", "README.md", "LICENSE")


def run(*command, **options):
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=900, **options)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def shipped_files():
    """What git tracks of the build's inputs, without the symlinks that only mypy needs."""
    listed = run("git", "-c", "safe.directory=*", "ls-files", "-z", "--", *BUILD_INPUTS, cwd=ROOT)
    return [path for path in listed.split("\0") if path and (ROOT / path).is_file()]


def copied(tmp_path_factory):
    """A copy of what is built, so that the checkout stays clean."""
    source = tmp_path_factory.mktemp("source")
    for path in shipped_files():
        (source / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / path, source / path)
    return source


def built(tmp_path_factory, **environment):
    """The wheel, built with the setuptools of this environment."""
    source = copied(tmp_path_factory)
    target = tmp_path_factory.mktemp("wheel")
    command = (sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", target, source)
    run(*command, cwd=target, env={**os.environ, **environment})
    (wheel,) = target.glob("*.whl")
    return wheel


@pytest.fixture(scope="module", params=["as on this machine", "without a C compiler"])
def wheel(request, tmp_path_factory):
    missing = {"CC": "no-such-compiler"} if request.param == "without a C compiler" else {}
    return built(tmp_path_factory, **missing)


def compiled_parts(wheel):
    return {name for name in names_in(wheel) if name.endswith((".so", ".pyd"))}


def names_in(wheel):
    with zipfile.ZipFile(wheel) as archive:
        return [name for name in archive.namelist() if not name.endswith("/")]


def test_the_wheel_holds_the_namespace_and_its_metadata_only(wheel):
    roots = {name.split("/")[0] for name in names_in(wheel)}
    assert {root for root in roots if not root.endswith(".dist-info")} == {"tieout"}
    assert {name.split("/")[1] for name in names_in(wheel) if name.startswith("tieout/")} == set(FOLDERS)


def test_every_tracked_file_of_the_folders_is_in_the_wheel(wheel):
    """Schemas, pages, pinned checksums and py.typed too: what is forgotten in package-data fails only once installed."""
    expected = {
        f"tieout/{path}"
        for path in shipped_files()
        if path.startswith(tuple(f"{folder}/" for folder in FOLDERS))
    }
    assert "tieout/avro/schemas.lock.json" in expected
    assert {f"tieout/{folder}/py.typed" for folder in FOLDERS} <= expected
    shipped = {name for name in names_in(wheel) if name.startswith("tieout/")}
    assert shipped - compiled_parts(wheel) == expected


def test_a_wheel_without_a_compiler_lacks_the_compiled_codec_and_says_how_to_get_it(wheel, tmp_path, request):
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path)
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    found = run(sys.executable, "-c", WHICH_CODEC, cwd=tmp_path, env=environment).split("\n")
    assert found[0] == ("compiled" if compiled_parts(wheel) else "fastavro")
    if "without a C compiler" in request.node.name:
        assert not compiled_parts(wheel)
        assert "install a C compiler" in found[1]


def test_a_codec_of_other_sources_than_those_beside_it_is_not_used_and_says_what_to_do(wheel, tmp_path):
    if not compiled_parts(wheel):
        pytest.skip("this wheel has no compiled codec to be stale")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path)
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    sources = [path for path in (tmp_path / "tieout" / "avro").iterdir() if path.suffix in {".pyx", ".pxi"}]
    for source in sources:
        as_built = source.read_bytes()
        source.write_bytes(as_built + b"\n")
        found = run(sys.executable, "-c", WHICH_CODEC, cwd=tmp_path, env=environment).split("\n")
        assert (found[0], found[2], "run make" in found[1]) == ("fastavro", "reference text", True), (
            source.name
        )
        source.write_bytes(as_built)
    for source in sources:
        source.unlink()
    found = run(sys.executable, "-c", WHICH_CODEC, cwd=tmp_path, env=environment).split("\n")
    assert (found[0], found[2]) == ("compiled", "compiled text"), (
        "without sources there is nothing to compare"
    )


def test_a_build_in_place_that_cannot_compile_leaves_no_codec_of_an_older_source(tmp_path_factory):
    source = copied(tmp_path_factory)
    older = source / "avro" / f"compiled_codec{sysconfig.get_config_var('EXT_SUFFIX')}"
    older.write_bytes(b"made from an older source")
    environment = {**os.environ, "CC": "no-such-compiler"}
    run(sys.executable, "setup.py", "build_ext", "--inplace", cwd=source, env=environment)
    assert [*source.rglob("*.so"), *source.rglob("*.pyd")] == []


WHICH_CODEC = """
import sys

sys.meta_path = [finder for finder in sys.meta_path if "__editable__" not in getattr(finder, "__module__", "")]
sys.path_hooks = [hook for hook in sys.path_hooks if "__editable__" not in getattr(hook, "__module__", "")]
from tieout.avro import canonical
from tieout.avro.codec import Codec
from tieout.avro.record_codec import CodecMissing

print(Codec.load().implementation)
try:
    Codec.load("compiled")
    print("installed")
except CodecMissing as missing:
    print(missing)
print("reference text" if canonical._compiled is None else "compiled text")
"""


def test_the_wheel_carries_the_licence_and_the_command(wheel):
    with zipfile.ZipFile(wheel) as archive:
        (licence,) = (name for name in archive.namelist() if name.endswith(".dist-info/licenses/LICENSE"))
        (entry_points,) = (
            name for name in archive.namelist() if name.endswith(".dist-info/entry_points.txt")
        )
        assert b"Apache License" in archive.read(licence)
        assert b"tieout = tieout.streams.operate.cli:main" in archive.read(entry_points)


BESIDE = """
import avro.schema
import pandas
import tables

import tieout.agents
import tieout.tables
from tieout.avro.catalogue import EVENT_TYPES
from tieout.avro.codec import Codec

assert hasattr(tables, "open_file"), "the bare name is PyTables"
pandas.DataFrame({"amount_minor": [1200, 34]}).to_hdf("amounts.h5", key="amounts")
assert pandas.read_hdf("amounts.h5", key="amounts")["amount_minor"].sum() == 1234
assert avro.schema.parse('{"type": "record", "name": "R", "fields": []}').name == "R"
assert "contract_activated" in EVENT_TYPES
Codec.load()
for path in (tieout.agents.__file__, tieout.tables.__file__):
    assert "site-packages" in path, path
print("all of them work")
"""

WITHOUT = """
import tables

with tables.open_file("after.h5", "w") as file:
    file.create_array("/", "amounts", [1, 2])
"""


@pytest.fixture(scope="module")
def crowded(tmp_path_factory):
    """A clean environment with the wheel beside the packages that own our folders' bare names."""
    wheel = built(tmp_path_factory)
    home = tmp_path_factory.mktemp("crowded")
    venv.create(home, with_pip=True)
    python = home / "bin" / "python"
    run(python, "-m", "pip", "install", "--quiet", wheel, "tables", "pandas", "avro", cwd=home)
    return python


@pytest.mark.full
def test_the_wheel_lives_beside_pytables_pandas_and_apache_avro(crowded, tmp_path):
    bare = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    assert "all of them work" in run(crowded, "-c", BESIDE, cwd=tmp_path, env=bare)
    assert "Usage" in run(crowded.with_name("tieout"), "--help", cwd=tmp_path, env=bare)
    run(crowded, "-m", "pip", "check", cwd=tmp_path, env=bare)


@pytest.mark.full
def test_uninstalling_leaves_the_others_whole(crowded, tmp_path):
    run(crowded, "-m", "pip", "uninstall", "--quiet", "--yes", "tieout", cwd=tmp_path)
    run(crowded, "-c", WITHOUT, cwd=tmp_path)
