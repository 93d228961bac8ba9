"""Run scenarios: one result each, whatever becomes of it, and the words for a person.

Invariant: every scenario that was asked for has exactly one result; what cannot be read has one too, and is never passed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from tieout.streams.operate.scenario.comparing import (
    Difference,
    differences,
    first_of_each_part,
    not_supported,
)
from tieout.streams.operate.scenario.facts_of import CONTROLS, Control, Step, Told, steps_of
from tieout.streams.operate.scenario.loading import Scenario
from tieout.streams.operate.scenario.places import ScenarioWrong
from tieout.streams.operate.scenario.player import Played, Player
from tieout.streams.operate.scenario.reading import Figures
from tieout.streams.operate.scenario.setting import setting_of
from tieout.streams.operate.scenario.shuffling import USUAL, Tries, digest, orders
from tieout.streams.operate.scenario.unsupported import NotSupported

UNBUILT = ("EVENT_UNSUPPORTED", "POLICY_MISSING")
"""Codes of what this release has no rule for."""


@dataclass(frozen=True)
class Result:
    """What became of one scenario. ``runs``: how many orders of arrival were played; ``wrong``: it cannot be read."""

    name: str
    file: str
    found: list[Difference] = field(default_factory=list)
    runs: int = 0
    wrong: ScenarioWrong | None = None
    figures: Figures | None = None

    @property
    def passed(self) -> bool:
        """Every named value matches in every run."""
        return not self.found and self.wrong is None

    @property
    def differences(self) -> list[Difference]:
        """The first difference of each part; of what cannot be read, the error."""
        if self.wrong is not None:
            return [Difference("error", self.wrong.spot.path, "a scenario in the format", self.wrong.what)]
        return first_of_each_part(self.found)

    def as_json(self) -> dict[str, Any]:
        """As written by ``--json``; amounts are texts in major units."""
        return {
            "name": self.name,
            "file": self.file,
            "passed": self.passed,
            "differences": [each._asdict() for each in self.differences],
            "runs": self.runs,
        }

    def lines(self) -> Iterator[str]:
        """For a person: one line, then the first difference of each part and what the agent could not account for."""
        name = f"{self.name} ({self.file})" if self.name else self.file
        if self.passed:
            yield f"passed  {name}" + (f", {self.runs} orders of arrival" if self.runs > 1 else "")
            return
        yield f"{'WRONG ' if self.wrong else 'FAILED'}  {name}"
        if self.wrong is not None:
            yield f"        {self.wrong}"
            return
        for each in self.differences:
            more = sum(other.part == each.part for other in self.found) - 1
            yield f"        {each}" + (f" (and {more} more in this part)" if more else "")
        for item in self.figures.played.exceptions if self.figures else ():
            if item.code in UNBUILT:
                continue
            about = f"{item.code} about {item.event_type} of {item.contract_id}"
            yield f"        the agent raised {about}: {item.detail}; {item.next_step}"


def run(scenario: Scenario | ScenarioWrong, *, tries: Tries = USUAL, audited: bool = False) -> Result:
    """Play one scenario in the listed order and, where it says ``any_order``, in the others.

    ``audited``: what was committed is read back and checked as a whole after every record, which takes its time.
    """

    def play(readable: Scenario) -> Result:
        steps, player = prepared(readable, audited=audited)
        figures = Figures(player.play(steps))
        found = [*_not_taken(figures.played), *differences(figures)]
        played = 1
        for order in orders(steps, tries) if readable.data.get("any_order") and not found else ():
            played += 1
            found = differences(Figures(player.play(order.steps)), any_order=True, order=order.name)
            if found:
                break
        return Result(readable.name, readable.spot.file, found, played, figures=figures)

    return _guarded(scenario, play)


def shuffle(scenario: Scenario | ScenarioWrong, *, tries: Tries = USUAL) -> Result:
    """Play one scenario in many orders of arrival and twice over: all must end as the listed order does.

    A scenario that does not say ``any_order`` is shuffled too; its control steps keep their places.
    """

    def play(readable: Scenario) -> Result:
        steps, player = prepared(readable)
        figures = Figures(player.play(steps))
        wanted = digest(figures.played.state)
        found = [*_not_taken(figures.played), *differences(figures, any_order=True)]
        played = 1
        for order in orders(steps, tries) if not found else ():
            played += 1
            shuffled = Figures(player.play(order.steps))
            found = differences(shuffled, any_order=True, order=order.name)
            got = digest(shuffled.played.state)
            if got != wanted:
                found.append(Difference("state", "facts, layers and ledger", wanted, got, order.name))
            if found:
                break
        return Result(readable.name, readable.spot.file, found, played, figures=figures)

    return _guarded(scenario, play)


def _guarded(scenario: Scenario | ScenarioWrong, play: Callable[[Scenario], Result]) -> Result:
    """The result of a play, or why there is none: one scenario never hides what became of the others."""
    if isinstance(scenario, ScenarioWrong):
        return Result(scenario.spot.scenario, scenario.spot.file, wrong=scenario)
    name, file = scenario.name, scenario.spot.file
    try:
        return play(scenario)
    except ScenarioWrong as wrong:
        return Result(name, file, wrong=wrong)
    except NotSupported as limit:
        return Result(name, file, [not_supported("events", limit)])
    except Exception as error:  # noqa: BLE001 - a fault of the agent is this scenario's result
        fault = f"{type(error).__name__}: {error}"
        return Result(name, file, [Difference("error", "", "figures", fault)])


def prepared(scenario: Scenario, *, audited: bool = False) -> tuple[list[Step], Player]:
    """The steps of a scenario, and who plays them."""
    steps = steps_of(scenario)
    if scenario.data.get("any_order") and any(isinstance(step, Control) for step in steps):
        raise scenario.spot.key("any_order").wrong(
            f"is not possible with {', '.join(CONTROLS)} in the list: they have a place in time"
        )
    told = [step for step in steps if isinstance(step, Told)]
    return steps, Player(setting_of(scenario, told), audited=audited)


def _not_taken(played: Played) -> Iterator[Difference]:
    """What the agent did not account for because its rule is not built, or could not take at all.

    Figures that match beside such an event match by chance; a scenario that expects the exception names its code.
    """
    named = [
        each.get("code") if isinstance(each, dict) else each
        for each in played.setting.scenario.expect.get("exceptions", ())
    ]
    for item in played.exceptions:
        if item.code in UNBUILT and item.code not in named:
            yield Difference("events", item.event_type, "accounted for", f"not supported yet: {item.detail}")
    for letter in played.dead_letters:
        yield Difference("events", letter.reason, "an event that the agent takes", letter.detail)
