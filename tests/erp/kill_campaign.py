"""The posting worker, the ERP and its database are killed again and again while commands keep coming.

    .venv/bin/python tests/erp/kill_campaign.py --erp tryton --rounds 10 --seed 7

A worker dies at a fault point of the engine, at any moment, or while the ERP has a call; the next one is armed for the next
death before it has mended the last. Invariant: who is killed where is drawn from the seed; what each death has left is read
from the committed changelog and the ERP's own books.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from erp.booked import booked
from erp.killed_erps import KilledErp, KilledStandin, KilledTryton
from erp.many_contracts import many_contracts
from erp.posting_ground import PostingGround
from posting.judging import anomalies

from tieout.avro.commands import Command

POINTS = (
    "after_step",
    "during_work",
    "before_begin",
    "after_begin",
    "between_sends",
    "before_ack",
    "before_commit",
    "after_commit",
    "before_store_write",
    "after_store_write",
    "before_tell",
)
"""From a command that is read (and not written) to one that is written everywhere: rows of commands, of calls and of acks."""

STARTING_POINTS = ("before_fence", "after_fence", "during_restore")
WITH_THE_ERP, AT_RANDOM = "while the ERP has a call", "at any moment"
PASSAGE_MAX = 8
COMMANDS = 40
"""Written before each death, and again until the worker has come to the point where it dies."""

DEAD_SECONDS = 15.0
"""So long a worker is waited for to come to its end; then it gets more to do, or is started anew to die in its start."""

SETTLED_EVERY = 4
"""Deaths after which all is mended before the next: what meets a death is then not only what another one has left."""

SETTLED_SECONDS = 240.0


@dataclass
class Findings:
    """``died``: where -> how often; ``left``: (state in the ledger, whether the ERP has it) -> commands, over all deaths."""

    died: Counter[str] = field(default_factory=Counter)
    left: Counter[tuple[str, bool]] = field(default_factory=Counter)
    commands: int = 0
    anomalies: list[str] = field(default_factory=list)


class Campaign:
    """``with`` an ERP and a ground that are running. ``say`` is told of each death."""

    def __init__(
        self, erp: KilledErp, ground: PostingGround, folder: Path, seed: int, say: Callable[[str], None]
    ) -> None:
        self._erp, self._ground, self._folder, self._say = erp, ground, folder, say
        self._chance = Random(seed)
        self._sent: list[Command] = []
        self._batches = 0
        self._sent_again = 0
        self.findings = Findings()

    def run(self, rounds: int) -> Findings:
        """So many deaths of workers and a fifth as many of each part of the ERP, then the verdict."""
        worker_deaths = self._drawn((*POINTS, *STARTING_POINTS, WITH_THE_ERP, AT_RANDOM), rounds)
        erp_deaths = [name for name in self._erp.kills for _ in range(max(1, rounds // 5))]
        plan = [*worker_deaths, *erp_deaths]
        self._chance.shuffle(plan)
        self._write()
        self._settle()
        for number, where in enumerate(plan, 1):
            self._write()
            if where in self._erp.kills:
                self._kill_erp(where)
            else:
                self._kill_worker(where, number)
                self._look()
                self._ground.restart()
            self.findings.died[where] += 1
            if number % SETTLED_EVERY == 0:
                self._settle()
            self._say(f"{number}/{len(plan)} {where}: {dict(self.findings.left)}")
        self._settle()
        self._sent_again += self._erp.sent_again()
        self.findings.commands = len(self._sent)
        self.findings.anomalies = list(self._anomalies())
        return self.findings

    def _drawn(self, places: tuple[str, ...], count: int) -> list[str]:
        """Each place as often as every other, as far as that is possible."""
        drawn: list[str] = []
        while len(drawn) < count:
            drawn += self._chance.sample(places, min(len(places), count - len(drawn)))
        return drawn

    def _write(self) -> None:
        self._batches += 1
        seed, prefix = self._chance.randrange(1 << 30), f"{self._batches}-"
        commands = many_contracts(self._erp.names, COMMANDS, seed, prefix=prefix)
        self._ground.write(commands)
        self._sent += commands

    def _kill_worker(self, where: str, number: int) -> None:
        """The worker that runs, or one that is armed in its place, dies there."""
        worker = self._ground.worker
        if where == AT_RANDOM:
            time.sleep(self._chance.uniform(0.0, 1.5))
            worker.kill()
        elif where == WITH_THE_ERP:
            self._until_busy()
            worker.kill()
        else:
            worker.kill()
            passage = 1 if where in STARTING_POINTS else self._chance.randint(1, PASSAGE_MAX)
            mark = self._folder / f"struck-{number}"
            armed = {"TIEOUT_FAULT_POINTS": f"{where}=kill@{passage}", "TIEOUT_FAULT_MARK": str(mark)}
            self._ground.restart(**armed)
            while not self._is_dead_soon():
                self._write()
                if where in STARTING_POINTS:
                    self._ground.worker.kill()
                    self._ground.restart(**armed)
            assert mark.exists(), f"the worker died by itself: {self._ground.worker.last_words()}"

    def _until_busy(self) -> None:
        if self._erp.is_busy() is None:
            time.sleep(self._chance.uniform(1.0, 3.0))
            return
        while not self._erp.is_busy():
            time.sleep(0.002)

    def _is_dead_soon(self) -> bool:
        end = time.monotonic() + DEAD_SECONDS
        while self._ground.worker.running and time.monotonic() < end:
            time.sleep(0.02)
        return not self._ground.worker.running

    def _kill_erp(self, what: str) -> None:
        time.sleep(self._chance.uniform(0.0, 1.0))
        self._sent_again += self._erp.sent_again()
        self._erp.kills[what]()
        time.sleep(self._chance.uniform(0.0, 2.0))
        self._erp.revive()

    def _look(self) -> None:
        """What the death has left."""
        ledger = self._ground.ledger()
        there = set(self._erp.journal())
        self.findings.left.update((each.state, each.command_id in there) for each in ledger)

    def _settle(self) -> None:
        ids = {each.header.command_id for each in self._sent}
        self._ground.until(
            "all is posted and told",
            lambda: self._ground.accepted().keys() >= ids,
            seconds=SETTLED_SECONDS,
        )

    def _anomalies(self) -> Iterator[str]:
        yield from anomalies(self._sent, self._erp.journal())
        if (books := self._erp.books()) != (ours := booked(self._sent)):
            yield f"balances: the ERP has {books}, the commands come to {ours}"
        if twice := [name for name, times in self._ground.accepted().items() if times > 1]:
            yield f"I3 told twice: {len(twice)} commands, such as {twice[:3]}"
        if left := self._ground.ledger():
            yield f"the ledger keeps {len(left)} commands that are done, such as {left[0]}"
        if self._sent_again:
            yield f"{self._sent_again} commands were sent again that the ERP had: it was not asked first"


def campaign(
    target: str, folder: Path, *, rounds: int, seed: int, say: Callable[[str], None] = lambda _: None
) -> Findings:
    """A campaign on a ground of its own. ``target``: standin or tryton."""
    chosen = {"standin": KilledStandin, "tryton": KilledTryton}[target]
    with (
        chosen(folder) as erp,
        PostingGround(folder, erp.account, erp.secrets) as ground,
    ):
        return Campaign(erp, ground, folder, seed, say).run(rounds)


def main() -> int:
    """Read the command line; 1 where something was found."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--erp", choices=["standin", "tryton"], default="standin")
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()

    def say(text: str) -> None:
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()

    with tempfile.TemporaryDirectory(prefix="tieout-kills-") as directory:
        home = Path(directory)
        home.chmod(0o711)  # where root runs this, the database's user has to reach its folder
        found = campaign(options.erp, home, rounds=options.rounds, seed=options.seed, say=say)
    for each in found.anomalies:
        say(each)
    say(
        f"{found.commands} commands, {sum(found.died.values())} deaths, {len(found.anomalies)} anomalies;"
        f" left by the deaths: {dict(found.left)}"
    )
    return 1 if found.anomalies else 0


if __name__ == "__main__":
    sys.exit(main())
