"""Mutation testing of the accounting: which changes of a rule would no test notice?

    make mutate                           all modules of agents/accounting, then docs/mutation.md
    make mutate ARGS="allocation layers"  these alone; what survived is printed as a difference, no page is written
    make mutate ARGS="--minutes 60"       no change is begun after an hour; the page says how many were tried

Each function of a module is changed in one place at a time (an operator, a number, an argument, a default), and the
tests of tests/accounting that reach it run on the change. Invariant: the sources are never touched; a copy under
build/mutation is. A change that no test notices has survived; an endless loop counts as noticed. Which test noticed a
change is kept in build/mutation: the next run asks that one first, and is quicker.
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
NOT_TRIED = "not checked"
SETTINGS = f"""[mutmut]
source_paths=tieout/{PACKAGE}
also_copy=
    tieout
    tests
only_mutate=
"""
PROJECT = '[project]\nname = "tieout"\nversion = "0"\n[tool.pytest.ini_options]\npythonpath = ["tests"]\n'


def main() -> int:
    """The exit status: 0 when enough is noticed, 1 when not."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("modules", nargs="*", help=f"module names of {PACKAGE}; none: all of them")
    asked.add_argument("--children", type=int, default=os.cpu_count() or 1, help="processes at once")
    asked.add_argument("--minutes", type=int, default=24 * 60, help="when to begin no further change")
    options = asked.parse_args()
    known = {path.stem for path in (ROOT / PACKAGE).glob("*.py")}
    if unknown := sorted(set(options.modules) - known):
        asked.error(f"{', '.join(unknown)}: no module of {PACKAGE}; there are {', '.join(sorted(known))}")
    prepare(options.modules)
    began = time.monotonic()
    python("-m", "trials", str(options.children), str(60 * options.minutes))
    took_seconds = time.monotonic() - began
    found = dict(results())
    modules = tally(found, options.modules)
    print("\n".join(table(modules)))
    if options.modules:
        left = ("survived", "no tests")
        show(name for name, status in found.items() if module_of(name) in modules and status in left)
    else:
        left_out = sum(status == NOT_TRIED for status in found.values())
        PAGE.write_text("\n".join(page(modules, took_seconds, left_out)) + "\n")
        print(f"{PAGE.relative_to(ROOT)} is written")
    return int(share(sum(modules.values(), Counter())) < KILLED_PERCENT_MIN)


def prepare(modules: Iterable[str]) -> None:
    """A copy of the sources under one package, as mutmut needs them, what to change in it, and mutmut itself."""
    shutil.rmtree(TREE, ignore_errors=True)
    for folder in ("avro", "tables", "agents", "streams"):
        shutil.copytree(ROOT / folder, TREE / "tieout" / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "tests", TREE / "tests", ignore=shutil.ignore_patterns("__pycache__"))
    changed = (f"    tieout/{PACKAGE}/{module}.py\n" for module in list(modules) or ["*"])
    (TREE / "setup.cfg").write_text(SETTINGS + "".join(changed))
    (TREE / "pyproject.toml").write_text(PROJECT)
    if not (LIBRARY / "mutmut").exists():
        install = ("-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--target", str(LIBRARY))
        wanted = Path(__file__).with_name("requirements.txt")
        # pip warns that click does not fit Faust: no test of the accounting reaches Faust.
        subprocess.run([sys.executable, *install, "-r", str(wanted)], check=True, stderr=subprocess.DEVNULL)


def python(*arguments: str) -> str:
    """Run a module of Python in the copy, with mutmut beside it; what it prints."""
    places = os.pathsep.join((str(LIBRARY), str(Path(__file__).parent)))
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=TREE,
        env={**os.environ, "PYTHONPATH": places},
        check=False,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise SystemExit(
            f"{' '.join(arguments)} failed in {TREE}:\n{done.stdout[-4_000:]}{done.stderr[-2_000:]}"
        )
    return done.stdout


def results() -> Iterator[tuple[str, str]]:
    """(name of a change, what became of it)."""
    for line in python("-m", "mutmut", "results", "--all", "true").splitlines():
        name, found, status = line.strip().partition(": ")
        if found:
            yield name, status


def module_of(name: str) -> str:
    """The module of a change: ``tieout.agents.accounting.layers.x_fold__mutmut_1`` is of ``layers``."""
    return name.split(".")[3]


def tally(found: dict[str, str], modules: Iterable[str]) -> dict[str, Counter[str]]:
    """Module -> how many of its changes that were tried became what."""
    counted: dict[str, Counter[str]] = {}
    asked = set(modules)
    for name, status in found.items():
        if status != NOT_TRIED and (not asked or module_of(name) in asked):
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


def page(modules: dict[str, Counter[str]], took_seconds: float, left_out: int) -> Iterator[str]:
    """docs/mutation.md; ``left_out``: changes for which there was no time."""
    rest = sum(modules.values(), Counter())
    others = {
        status: number for status, number in rest.items() if status not in {*NOTICED, "survived", "no tests"}
    }
    yield "# Mutation testing of the accounting"
    yield ""
    yield f"Written by `make mutate`; not edited by hand. {took_seconds / 60:.0f} minutes on {os.cpu_count()} processors."
    yield ""
    yield f"Every function of `{PACKAGE}/` was changed in one place at a time, and the tests of `tests/accounting/` that"
    yield "reach it were run on each change: the suite of its module, those that come by it, and of the published scenarios"
    yield "some that do. A change that none of them notices has survived. At least"
    yield f"{KILLED_PERCENT_MIN} % are to be noticed over all modules."
    if left_out:
        yield ""
        yield f"There was time for {rest.total():,} of {rest.total() + left_out:,} changes, taken in an order without a pattern."
    yield ""
    yield from table(modules)
    if others:
        yield ""
        yield (
            "Not judged: "
            + ", ".join(f"{number} {status}" for status, number in sorted(others.items()))
            + "."
        )


def show(names: Iterable[str]) -> None:
    """Print each change that survived."""
    for name in names:
        print(f"\n{python('-m', 'mutmut', 'show', name)}")


if __name__ == "__main__":
    raise SystemExit(main())
