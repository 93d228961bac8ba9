"""Mutation testing of the accounting: which changes of a rule would no test notice?

    make mutate                           all modules of agents/accounting, then docs/mutation.md
    make mutate ARGS="allocation layers"  these alone; what survived is printed as a difference, no page is written

Each function of a module is changed in one place at a time (an operator, a number, an argument, a default), and the
tests of tests/accounting that reach it run on the change. Invariant: the sources are never touched; a copy under
build/mutation is. A change that no test notices has survived; an endless loop counts as noticed.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
WORK = ROOT / "build" / "mutation"
TREE, LIBRARY = WORK / "tree", WORK / "library"
PACKAGE = "agents/accounting"
PAGE = ROOT / "docs" / "mutation.md"
KILLED_PERCENT_MIN = 85
NOTICED = frozenset({"killed", "timeout", "segfault", "caught by type check"})
SETTINGS = f"""[mutmut]
source_paths=tieout/{PACKAGE}
also_copy=
    tieout
    tests
pytest_add_cli_args_test_selection=tests/accounting
"""
PROJECT = '[project]\nname = "tieout"\nversion = "0"\n[tool.pytest.ini_options]\npythonpath = ["tests"]\n'


def main() -> int:
    """The exit status: 0 when enough is noticed, 1 when not."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("modules", nargs="*", help=f"module names of {PACKAGE}; none: all of them")
    asked.add_argument("--children", type=int, default=os.cpu_count() or 1, help="processes at once")
    options = asked.parse_args()
    known = {path.stem for path in (ROOT / PACKAGE).glob("*.py")}
    if unknown := sorted(set(options.modules) - known):
        asked.error(f"{', '.join(unknown)}: no module of {PACKAGE}; there are {', '.join(sorted(known))}")
    prepare()
    began = time.monotonic()
    run(options.modules, options.children)
    took_seconds = time.monotonic() - began
    found = dict(results())
    modules = tally(found, options.modules)
    print("\n".join(table(modules)))
    if options.modules:
        left = ("survived", "no tests")
        show(name for name, status in found.items() if module_of(name) in modules and status in left)
    else:
        PAGE.write_text("\n".join(page(modules, took_seconds)) + "\n")
        print(f"{PAGE.relative_to(ROOT)} is written")
    return int(share(sum(modules.values(), Counter())) < KILLED_PERCENT_MIN)


def prepare() -> None:
    """A copy of the sources under one package, as mutmut needs them, and mutmut itself."""
    shutil.rmtree(TREE, ignore_errors=True)
    for folder in ("avro", "tables", "agents", "streams"):
        shutil.copytree(ROOT / folder, TREE / "tieout" / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "tests", TREE / "tests", ignore=shutil.ignore_patterns("__pycache__"))
    (TREE / "setup.cfg").write_text(SETTINGS)
    (TREE / "pyproject.toml").write_text(PROJECT)
    if not (LIBRARY / "mutmut").exists():
        install = ("-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--target", str(LIBRARY))
        wanted = Path(__file__).with_name("requirements.txt")
        # pip warns that click does not fit Faust: no test of the accounting reaches Faust.
        subprocess.run([sys.executable, *install, "-r", str(wanted)], check=True, stderr=subprocess.DEVNULL)


def mutmut(*arguments: str, quiet: bool = False) -> str:
    """Run mutmut in the copy; what it prints."""
    done = subprocess.run(
        [sys.executable, "-m", "mutmut", *arguments],
        cwd=TREE,
        env={**os.environ, "PYTHONPATH": str(LIBRARY)},
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL if quiet else subprocess.STDOUT,
        text=True,
    )
    if done.returncode:
        raise SystemExit(f"mutmut {' '.join(arguments)} failed in {TREE}:\n{done.stdout[-4_000:]}")
    return done.stdout


def run(modules: Iterable[str], children: int) -> None:
    """Try the changes of these modules, or of all."""
    patterns = [f"tieout.{PACKAGE.replace('/', '.')}.{module}.*" for module in modules]
    mutmut("run", "--max-children", str(children), *patterns)


def results() -> Iterator[tuple[str, str]]:
    """(name of a change, what became of it)."""
    for line in mutmut("results", "--all", "true", quiet=True).splitlines():
        name, found, status = line.strip().partition(": ")
        if found:
            yield name, status


def module_of(name: str) -> str:
    """The module of a change: ``tieout.agents.accounting.layers.x_fold__mutmut_1`` is of ``layers``."""
    return name.split(".")[3]


def tally(found: dict[str, str], modules: Iterable[str]) -> dict[str, Counter[str]]:
    """Module -> how many of its changes became what."""
    counted: dict[str, Counter[str]] = {}
    asked = set(modules)
    for name, status in found.items():
        if not asked or module_of(name) in asked:
            counted.setdefault(module_of(name), Counter())[status] += 1
    return dict(sorted(counted.items()))


def noticed(counted: Counter[str]) -> int:
    """How many changes some test notices."""
    return sum(number for status, number in counted.items() if status in NOTICED)


def share(counted: Counter[str]) -> float:
    """Percent of the changes that some test notices."""
    return 100 * noticed(counted) / max(1, counted.total())


def table(modules: dict[str, Counter[str]]) -> Iterator[str]:
    """One line per module, worst first, and the sum."""
    yield "| module | changes | noticed | survived | reached by no test | noticed % |"
    yield "| --- | ---: | ---: | ---: | ---: | ---: |"
    everything = ("**all**", sum(modules.values(), Counter()))
    for name, counted in (*sorted(modules.items(), key=lambda each: share(each[1])), everything):
        figures = (counted.total(), noticed(counted), counted["survived"], counted["no tests"])
        yield f"| {name} | {' | '.join(f'{figure:,}' for figure in figures)} | {share(counted):.1f} |"


def page(modules: dict[str, Counter[str]], took_seconds: float) -> Iterator[str]:
    """docs/mutation.md."""
    rest = sum(modules.values(), Counter())
    others = {
        status: number for status, number in rest.items() if status not in {*NOTICED, "survived", "no tests"}
    }
    yield "# Mutation testing of the accounting"
    yield ""
    yield f"Written by `make mutate`; not edited by hand. {took_seconds / 60:.0f} minutes on {os.cpu_count()} processors."
    yield ""
    yield f"Every function of `{PACKAGE}/` was changed in one place at a time, and the tests of `tests/accounting/` that"
    yield "reach it were run on each change: the module's own fast suite and those that come by it. A change that none of"
    yield f"them notices has survived. At least {KILLED_PERCENT_MIN} % are to be noticed over all modules."
    yield ""
    yield from table(modules)
    if others:
        yield ""
        yield (
            "Not tried: " + ", ".join(f"{number} {status}" for status, number in sorted(others.items())) + "."
        )


def show(names: Iterable[str]) -> None:
    """Print each change that survived."""
    for name in names:
        print(f"\n{mutmut('show', name, quiet=True)}")


if __name__ == "__main__":
    raise SystemExit(main())
