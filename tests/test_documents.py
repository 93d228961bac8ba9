"""Goal: no page sends a reader nowhere. Relative links resolve; commands that pages name exist."""

import ast
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import typer

from tieout.streams.operate.cli import app

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted(path for path in (*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")))
Tree = Mapping[str, "Tree"]


def anchors(text: str) -> set[str]:
    """The fragment of each heading, as GitHub makes it."""
    headings = re.findall(r"^#+ (.+)$", text, flags=re.MULTILINE)
    return {
        re.sub(r"[^\w\- ]", "", heading.replace("`", "")).strip().lower().replace(" ", "-")
        for heading in headings
    }


def broken_links(page: Path, text: str) -> Iterator[str]:
    prose = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    for target in re.findall(r"\[[^\]]*\]\(([^)\s]+)\)", prose):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, fragment = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        if (path and not file.exists()) or ROOT not in file.parents:
            yield f"{page.name}: {target} leads nowhere"
        elif fragment and fragment not in anchors(file.read_text() if path else text):
            yield f"{page.name}: {target} names no heading"


def missing_files(page: Path, text: str) -> Iterator[str]:
    """Files, and tests in files, that prose names in backquotes by their path from the root."""
    folders = "avro|tables|agents|streams|tests|docs|benchmarks"
    for name, test in re.findall(rf"`((?:{folders})/[\w./-]*)(?:::(\w+))?`", text):
        if not (ROOT / name).exists():
            yield f"{page.name}: `{name}` is not in the tree"
        elif test and f"def {test}(" not in (ROOT / name).read_text():
            yield f"{page.name}: `{name}` has no {test}"


def commands(text: str, program: str) -> Iterator[list[str]]:
    """What follows the program's name in backquotes and in fenced lines: its words up to the first option or value."""
    spans = re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL))
    fences = [
        line
        for block in re.findall(r"```\w*\n(.*?)```", text, flags=re.DOTALL)
        for line in block.splitlines()
    ]
    for line in (*spans, *fences):
        if match := re.match(rf"\s*(?:\$ )?(?:\.venv/bin/)?{program} (.+)", line):
            words = match.group(1).split()
            kept = next(
                (i for i, word in enumerate(words) if not re.fullmatch(r"[a-z][a-z|-]*", word)), len(words)
            )
            yield words[:kept]


def unknown_targets(text: str, targets: set[str]) -> Iterator[str]:
    for words in commands(text, "make"):
        if words and words[0] not in targets:
            yield f"make {words[0]} is no target"


def unknown_commands(text: str, tree: Tree) -> Iterator[str]:
    for words in commands(text, "tieout"):
        for choice in expand(words):
            level = tree
            for word in choice:
                if not level:
                    break
                if word not in level:
                    yield f"tieout {' '.join(choice)}: there is no {word}"
                    break
                level = level[word]


def expand(words: list[str]) -> list[list[str]]:
    """`broker start|stop` stands for two commands."""
    choices: list[list[str]] = [[]]
    for word in words:
        choices = [[*choice, option] for choice in choices for option in word.split("|")]
    return choices


def command_tree() -> Tree:
    """The commands of the installed program, as nested names; a leaf is empty."""

    def below(command: Any) -> Tree:
        context = command.make_context("tieout", [], resilient_parsing=True)
        names = command.list_commands(context) if hasattr(command, "list_commands") else []
        return {name: below(command.get_command(context, name)) for name in names}

    return below(typer.main.get_command(app))


def make_targets() -> set[str]:
    return set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_and_file_names_resolve(page):
    text = page.read_text()
    assert [*broken_links(page, text), *missing_files(page, text)] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_that_a_page_names_exist(page):
    text = page.read_text()
    assert [*unknown_targets(text, make_targets()), *unknown_commands(text, command_tree())] == []


def halt_codes() -> set[str]:
    """First argument of every ``Halt(...)`` in the engine."""
    calls = [
        node
        for module in (ROOT / "streams").rglob("*.py")
        for node in ast.walk(ast.parse(module.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Halt"
    ]
    return {ast.literal_eval(call.args[0]) for call in calls}


def test_every_halt_reason_tells_an_operator_what_to_do():
    text = (ROOT / "docs" / "operations.md").read_text()
    section = text.partition("## Halt reasons")[2].partition("\n## ")[0]
    assert set(re.findall(r"^\| `(\w+)` \|", section, flags=re.MULTILINE)) == halt_codes()


def test_a_broken_link_is_caught():
    page = ROOT / "docs" / "planted.md"
    text = "# One heading\n[a](../README.md) [b](gone.md) [c](#one-heading) [d](#no-heading) [e](https://example.com/x)"
    assert [problem.split()[1] for problem in broken_links(page, text)] == ["gone.md", "#no-heading"]


def test_a_file_that_does_not_exist_is_caught():
    page = ROOT / "docs" / "planted.md"
    text = "`agents/spec.py`, `agents/gone.py`, `tests/test_tidy.py::test_every_rule_has_a_planted_violation`, `tests/test_tidy.py::test_gone`"
    assert list(missing_files(page, text)) == [
        "planted.md: `agents/gone.py` is not in the tree",
        "planted.md: `tests/test_tidy.py` has no test_gone",
    ]


def test_commands_that_do_not_exist_are_caught():
    text = '`make demo ARGS="--kills 5"`, `make coffee`\n```sh\n$ tieout broker start --nodes 3\ntieout broker dance\n```\n`tieout fly`'
    tree: Tree = {"broker": {"start": {}, "stop": {}}, "close": {}}
    assert list(unknown_targets(text, {"demo"})) == ["make coffee is no target"]
    assert list(unknown_commands(text, tree)) == [
        "tieout fly: there is no fly",
        "tieout broker dance: there is no dance",
    ]
    assert list(unknown_commands("`tieout broker start|stop|run`", tree)) == [
        "tieout broker run: there is no run"
    ]
    assert list(unknown_commands("`tieout close FR 2026-01`", tree)) == []


def test_every_page_of_the_documentation_is_reached_from_the_readme():
    reached = set(re.findall(r"\]\((docs/[\w.-]+\.md)", (ROOT / "README.md").read_text()))
    assert reached >= {f"docs/{page.name}" for page in (ROOT / "docs").glob("*.md")}
