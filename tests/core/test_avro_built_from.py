"""A compiled part is used only beside the sources that it was built from."""

from types import ModuleType

import pytest

from tieout.avro.built_from import is_stale, source_digest

SOURCES = {"a.pyx": b"one", "b.pyx": b"two", "c.pxi": b""}


@pytest.fixture
def folder(tmp_path):
    for name, text in SOURCES.items():
        (tmp_path / name).write_bytes(text)
    (tmp_path / "a.c").write_bytes(b"made of a.pyx")
    return tmp_path


@pytest.fixture
def part(folder):
    built = ModuleType("part")
    built.SOURCE_DIGEST = source_digest(folder)
    return built


def test_a_part_of_the_sources_beside_it_is_not_stale_whatever_else_changes(folder, part):
    assert not is_stale(part, folder)
    (folder / "a.c").write_bytes(b"made anew")
    assert not is_stale(part, folder)


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: (folder / "c.pxi").write_bytes(b" "),
        lambda folder: (folder / "b.pyx").rename(folder / "bb.pyx"),
        lambda folder: (folder / "b.pyx").unlink(),
        lambda folder: (folder / "d.pxi").write_bytes(b""),
        lambda folder: [
            (folder / name).write_bytes(text) for name, text in (("a.pyx", b"two"), ("b.pyx", b"one"))
        ],
    ],
    ids=["changed", "renamed", "gone", "new", "swapped"],
)
def test_a_part_of_other_sources_is_stale(folder, part, change):
    change(folder)
    assert is_stale(part, folder)


def test_a_part_that_does_not_say_what_it_was_built_from_is_stale(folder):
    assert is_stale(ModuleType("older"), folder)


def test_where_no_sources_are_there_is_nothing_to_compare(folder, part):
    for name in SOURCES:
        (folder / name).unlink()
    assert not is_stale(part, folder)
