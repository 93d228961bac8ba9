"""Each change of a rule in a fork of one process that has collected the tests: started by mutate.py, in its copy.

mutmut writes the changes beside their originals, chosen by a switch, but would collect the tests anew for each of them.
Invariants: a change meets the tests that reach its function and no others: first the one that noticed it in an earlier
run, then those that noticed its siblings, then the quickest, those with random examples last. The process that forks
runs no test itself, so that what a test leaves in a cache hides no change. Random examples are the same in each run, and
changes are tried in an order without a pattern, so that a run that was stopped is a fair sample.
"""

from __future__ import annotations

import gc
import json
import math
import os
import random
import resource
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from time import monotonic, process_time
from typing import NamedTuple, NoReturn

import pytest
from _pytest.runner import runtestprotocol
from hypothesis import HealthCheck, Phase, settings
from mutmut.__main__ import create_mutants
from mutmut.mutation import trampoline
from mutmut.mutation.data import SourceFileMutationData
from mutmut.state import state
from mutmut.utils.file_utils import (
    change_cwd,
    copy_also_copy_files,
    copy_src_dir,
    setup_source_paths,
    walk_mutatable_files,
)
from mutmut.utils.format_utils import mangled_name_from_mutant_name

SURVIVED, NOTICED, REACHED_BY_NO_TEST = 0, 1, 33
MEMORY_BYTES_MAX = 4 << 30
MEMORY = Path(__file__).resolve().parents[2] / "build" / "mutation" / "noticed.json"
"""Change -> the test that noticed it last: tried first, and believed only if it notices it again."""
SAVED_EVERY = 100
EXAMPLES = 10
"""Random examples of a property: fewer than where it is tested itself, as thousands of changes meet it."""
FIGURES, FIGURES_MAX = "tests/accounting/test_published_figures.py", 20
"""Of scenarios that reach a function so many are tried: those of its siblings first, then the quickest."""
ARGUMENTS = ("-q", "-p", "no:cacheprovider", "--rootdir=.", "--tb=native", "tests/accounting")


class Reach(NamedTuple):
    """What a test reaches, and the processor time that it takes."""

    functions: frozenset[str]
    seconds: float


class Ended(NamedTuple):
    """How a fork ended, what it said, and the processor time that it took."""

    status: int
    said: bytes
    seconds: float


class Forks:
    """At most ``children`` forks at once, each with a pipe back; ``ended`` is called for each as it ends."""

    def __init__(self, children: int) -> None:
        self._children = children
        self._running: dict[int, tuple[int, Callable[[Ended], None]]] = {}

    def start(self, task: Callable[[int], int], ended: Callable[[Ended], None]) -> None:
        """Run ``task(pipe)`` in a fork, which ends with the status that it returns."""
        while len(self._running) >= self._children:
            self._wait()
        ours, theirs = os.pipe()
        pid = os.fork()
        if not pid:
            _end(task, theirs)
        os.close(theirs)
        self._running[pid] = (ours, ended)

    def finish(self) -> None:
        """Wait for all of them."""
        while self._running:
            self._wait()

    def _wait(self) -> None:
        pid, status, used = os.wait4(-1, 0)
        pipe, ended = self._running.pop(pid)
        with os.fdopen(pipe, "rb") as read:
            seconds = used.ru_utime + used.ru_stime
            ended(Ended(os.waitstatus_to_exitcode(status), read.read(), seconds))


def _end(task: Callable[[int], int], pipe: int) -> NoReturn:
    status = NOTICED
    try:
        status = task(pipe)
    finally:
        os._exit(status)  # a fork is no second pytest session: nothing of it is to be cleaned up


class Trials:
    """A pytest plugin in place of the loop over the tests."""

    def __init__(self, children: int, seconds: float) -> None:
        self._forks, self._until = Forks(children), monotonic() + seconds
        self._reach: dict[str, Reach] = {}
        self._noticed: Counter[tuple[str, str]] = Counter()
        self._done = 0
        self._memory: dict[str, str] = json.loads(MEMORY.read_text()) if MEMORY.exists() else {}

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """See what each test reaches, then try the changes."""
        items = {item.nodeid: item for item in session.items}
        gc.freeze()
        for item in items.values():
            self._forks.start(lambda pipe, item=item: _reach(item, pipe), self._reached(item.nodeid))
        self._forks.finish()
        with change_cwd(".."):
            files = [SourceFileMutationData(path=path) for path in walk_mutatable_files()]
            for file in files:
                file.load()
        changes = [(file, name) for file in files for name in file.exit_code_by_key]
        random.Random(1).shuffle(changes)
        for file, name in changes:
            if monotonic() > self._until:
                break
            if tests := self._tests(name, items):
                seconds = sum(self._reach[test.nodeid].seconds for test in tests)
                self._forks.start(
                    lambda pipe, name=name, tests=tests, seconds=seconds: _try(name, tests, seconds, pipe),
                    self._tried(files, file, name),
                )
            else:
                file.exit_code_by_key[name] = REACHED_BY_NO_TEST
        self._forks.finish()
        self._save(files)
        return True

    def _reached(self, nodeid: str) -> Callable[[Ended], None]:
        def ended(fork: Ended) -> None:
            if fork.status != SURVIVED:
                raise SystemExit(f"{nodeid} fails without any change")
            functions, seconds = json.loads(fork.said)
            self._reach[nodeid] = Reach(frozenset(functions), seconds)

        return ended

    def _tests(self, change: str, items: dict[str, pytest.Item]) -> list[pytest.Item]:
        function = mangled_name_from_mutant_name(change)

        def order(nodeid: str) -> tuple[bool, int, bool, float]:
            by_chance = hasattr(getattr(items[nodeid], "obj", None), "hypothesis")
            known = self._memory.get(change) == nodeid
            return not known, -self._noticed[function, nodeid], by_chance, self._reach[nodeid].seconds

        reaching = sorted(
            (each for each, reach in self._reach.items() if function in reach.functions), key=order
        )
        figures = [nodeid for nodeid in reaching if nodeid.startswith(FIGURES)]
        left_out = set(figures[FIGURES_MAX:])
        return [items[nodeid] for nodeid in reaching if nodeid not in left_out]

    def _tried(
        self, files: list[SourceFileMutationData], file: SourceFileMutationData, name: str
    ) -> Callable[[Ended], None]:
        def ended(fork: Ended) -> None:
            file.exit_code_by_key[name] = fork.status
            file.durations_by_key[name] = fork.seconds
            if fork.said:
                self._noticed[mangled_name_from_mutant_name(name), fork.said.decode()] += 1
                self._memory[name] = fork.said.decode()
            self._done += 1
            if not self._done % SAVED_EVERY:
                self._save(files)

        return ended

    def _save(self, files: list[SourceFileMutationData]) -> None:
        with change_cwd(".."):
            for file in files:
                file.save()
        MEMORY.write_text(json.dumps(self._memory))


def _reach(item: pytest.Item, pipe: int) -> int:
    trampoline.set_mutant_under_test("stats")
    os.environ["MUTMUT_DEPENDENCY_DEPTH"] = "-1"
    began = process_time()
    passed = _passes(item)
    os.write(pipe, json.dumps([sorted(state()._stats), process_time() - began]).encode())
    return SURVIVED if passed else NOTICED


def _try(name: str, tests: list[pytest.Item], seconds: float, pipe: int) -> int:
    limit = 2 + math.ceil(3 * seconds)
    resource.setrlimit(resource.RLIMIT_CPU, (limit, limit + 1))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES_MAX, MEMORY_BYTES_MAX))
    trampoline.set_mutant_under_test(name)
    for test in tests:
        if not _passes(test):
            os.write(pipe, test.nodeid.encode())
            return NOTICED
    return SURVIVED


def _passes(item: pytest.Item) -> bool:
    return not any(report.failed for report in runtestprotocol(item, log=False, nextitem=None))


def main() -> int:
    """The exit status of pytest."""
    children, seconds = (int(each) for each in sys.argv[1:])
    trampoline.set_mutant_under_test("mutant_generation")
    Path("mutants").mkdir(exist_ok=True)
    copy_src_dir()
    copy_also_copy_files()
    setup_source_paths()
    create_mutants(children)
    trampoline.set_mutant_under_test("")
    settings.register_profile(
        "mutation",
        phases=[Phase.explicit, Phase.generate],  # a shorter example would notice no more
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )
    settings.load_profile("mutation")
    with change_cwd("mutants"):
        return int(pytest.main(list(ARGUMENTS), plugins=[Trials(children, seconds)]))


if __name__ == "__main__":
    raise SystemExit(main())
