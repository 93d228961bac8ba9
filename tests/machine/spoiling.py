"""Stories of which a field or two are spoiled: extreme, odd, borrowed from elsewhere, or gone.

The stories are the scenarios of the golden tests. What a field is spoiled with follows from its type, from what that
field says anywhere in the stories, and from the names that its own story uses.
"""

from __future__ import annotations

import typing
from collections import defaultdict
from dataclasses import dataclass, field
from functools import cache

import msgspec
from golden.scenario_files import SCENARIOS
from msgspec.structs import replace

from tieout.agents.contracts.admission import YEAR_TWO
from tieout.avro.catalogue import EVENT_TYPES
from tieout.avro.envelope import Day, Micros, Quantity, Scale, Stated, Version
from tieout.avro.events import Line
from tieout.avro.refusals import Unencodable
from tieout.streams.operate.generate.sealing import seal
from tieout.streams.operate.scenario.facts_of import Control, Told, steps_of
from tieout.streams.operate.scenario.loading import Scenario
from tieout.streams.operate.scenario.places import Spot
from tieout.streams.operate.scenario.player import codec_of_the_language, run_days
from tieout.streams.operate.scenario.setting import Setting, setting_of
from tieout.streams.sample_events import activated, said

LARGEST = 10**16
LEAP_DAY = 19_782
ODD_AMOUNTS = (0, 1, -1, 7, LARGEST, -LARGEST, LARGEST - 1, LARGEST // 3)
ODD_DAYS = (-719_162, 2_932_896, LEAP_DAY, LEAP_DAY + 1, LEAP_DAY + 366, -1, 0, 47_540)
ODD_NUMBERS = (0, 1, -1, 2, 30, 500_000, 10**6, 10**6 + 1, 2**31 - 1, -(2**31), 2**63 - 1, -(2**63))
ODD_TEXTS = ("", "?", "x" * 256, "\u00e4\U0001f9fe\n", "EUR", "JPY", "XXX", "KWD", "2025-02-30", "2025-13")
ODD_VERSIONS = (0, 1, 2, 3, 4, 5, 2**53)
ODD = {
    bool: (True, False),
    int: ODD_NUMBERS,
    Stated: ODD_AMOUNTS,
    Quantity: ODD_AMOUNTS,
    Micros: (-62_135_596_800_000_000, 0, 253_402_300_799_999_999),
    Scale: (0, 1, 6, 7, 12),
    Version: ODD_VERSIONS,
}
"""Type of a field -> what a source might say by mistake."""
OWN = frozenset(
    [
        "po",
        "pos",
        "remove",
        "exercises",
        "meter",
        "invoice_number",
        "memo_number",
        "payment_id",
        "dispute_id",
        "replaces",
        "reverses",
        "estimate_id",
        "currency",
        "contract_id",
        "combine_with",
        "legal_entity",
        "entity",
        "balance_id",
    ]
)
"""Fields whose values are names of their own story, where an event is borrowed from another one."""
HEAD = ("effective_date", "contract_id", "legal_entity", "object_id", "object_version", "occurred_at")
"""Of the envelope: the rest is said of the transport, not of the contract."""


@dataclass
class Story:
    """A scenario's steps, what it is set in, and every text and day that it names."""

    setting: Setting
    steps: list
    texts: dict = field(default_factory=lambda: defaultdict(list))
    days: list = field(default_factory=list)

    @property
    def events(self):
        return [step for step in self.steps if not isinstance(step, Control)]


GOOD = "GOOD"
"""The contract that comes last, and has nothing wrong."""
FACTORS = (-1, 10**3, 10**6, 10**8, 10**10, 10**12)
SHIFTS = (-719_162 - 20_089, -20_089, -306, 365 * 100, 2_932_896 - 20_089 - 365 * 30)
"""Days from 2025 to the first of a calendar, to a generation before its last, to 1970, over a leap day, to another century."""


@cache
def stories():
    """Every scenario that runs, by name."""
    return {name: _story(SCENARIOS[name]) for name in sorted(SCENARIOS)}


def story_of(data):
    """A story that is told as scenarios are."""
    return _story(Scenario("spoiled", Spot("spoiled", "spoiled"), data))


def _story(scenario):
    steps = steps_of(scenario)
    told = [step for step in steps if isinstance(step, Told)]
    story = Story(
        setting_of(scenario, told), [step.event if isinstance(step, Told) else step for step in steps]
    )
    for event in story.events:
        for spot, value in _leaves(event):
            if isinstance(value, str) and value not in story.texts[spot]:
                story.texts[spot].append(value)
            elif (
                spot.endswith(("date", "_from", "_to", "_on"))
                and value not in story.days
                and value is not None
            ):
                story.days.append(value)
    ids = story.texts["object_id"]
    for name_of in ("payment_id", "dispute_id", "replaces", "reverses", "memo_number", "balance_id"):
        story.texts[name_of] = [
            *story.texts[name_of],
            *(each for each in ids if each not in story.texts[name_of]),
        ]
    story.texts["combine_with"] = story.texts["contract_id"]
    for name_of in ("pos", "remove", "exercises"):
        story.texts[name_of] = story.texts["po"]
    story.texts["entity"] = [*story.texts["legal_entity"], *story.setting.scenario.entities]
    return story


def _leaves(value, spot=""):
    if isinstance(value, msgspec.Struct):
        for name in value.__struct_fields__:
            yield from _leaves(getattr(value, name), name)
    elif isinstance(value, tuple):
        for each in value:
            yield from _leaves(each, spot)
    else:
        yield spot, value


@cache
def corpus():
    """Event type -> every event of it in the stories; where none has it, one that says nothing."""
    found = defaultdict(list)
    for story in stories().values():
        for event in story.events:
            found[event.EVENT_TYPE].append(event)
    return {name: found[name] or [said(name)] for name in EVENT_TYPES}


@cache
def texts():
    """Field -> every text that it has in the stories."""
    found = defaultdict(set)
    for story in stories().values():
        for spot, values in story.texts.items():
            found[spot].update(values)
    return {spot: tuple(sorted(values)) for spot, values in found.items()}


@cache
def tuples():
    """Field -> every list that it has in the stories."""
    found = defaultdict(list)
    for story in stories().values():
        for event in story.events:
            for name in event.__struct_fields__:
                value = getattr(event, name)
                if isinstance(value, tuple) and value not in found[name]:
                    found[name].append(value)
    return found


@cache
def _hints(struct):
    return typing.get_type_hints(struct, include_extras=True)


def spoiled(event, story, choose):
    """The event with one field, of its own or inside it, spoiled."""
    return seal(_spoiled_struct(event, story, choose))


def _spoiled_struct(struct, story, choose):
    hints = _hints(type(struct))
    head = {"event_id", "event_type"} & set(struct.__struct_fields__)
    name = choose(HEAD if head else [each for each in struct.__struct_fields__ if each != "EVENT_TYPE"])
    return replace(struct, **{name: _other(getattr(struct, name), hints[name], name, story, choose)})


def _other(value, hint, name, story, choose):
    if type(None) in typing.get_args(hint):
        (inner,) = (each for each in typing.get_args(hint) if each is not type(None))
        return (
            None if value is not None and choose(range(4)) == 0 else _other(value, inner, name, story, choose)
        )
    if typing.get_origin(hint) is tuple:
        return _other_tuple(value or (), typing.get_args(hint)[0], name, story, choose)
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        return hint(**_made(hint, story, choose)) if value is None else _spoiled_struct(value, story, choose)
    return choose(_odd(hint, name, story))


def _made(struct, story, choose):
    return {name: _other(None, hint, name, story, choose) for name, hint in _hints(struct).items()}


def _other_tuple(value, inner, name, story, choose):
    ways = ["borrowed"] + ["item"] * 6 * bool(value) + ["none", "twice", "backwards", "one"] * bool(value)
    way = choose(ways)
    if way == "item":
        place = choose(range(len(value)))
        return (*value[:place], _other(value[place], inner, name, story, choose), *value[place + 1 :])
    if way == "borrowed":
        found = tuples()[name]
        return choose(found) if found else ()
    return {"none": (), "twice": value + value, "backwards": value[::-1], "one": value[:1]}[way]


def _odd(hint, name, story):
    if hint == Day:
        near = [day + more for day in story.days for more in (0, -1, 1, 400)]
        return [*ODD_DAYS, *(day for day in near if -719_162 <= day <= 2_932_896)]
    if hint in ODD:
        return ODD[hint]
    odd = [each for each in ODD_TEXTS if each] if name in ("contract_id", "object_id") else ODD_TEXTS
    return [*odd, *story.texts[name], *story.texts[name], *texts().get(name, ())]


def borrowed(name, number, story, choose):
    """An event of that type as another story tells it, about this story's contract, its lines and its documents."""
    event = _owned(choose(corpus()[name]), story, choose)
    contract = choose(story.texts["contract_id"])
    others = [each for each in story.events if each.envelope.contract_id == contract]
    versions = [each for each in others if EVENT_TYPES[each.EVENT_TYPE].ordering == "sequence"]
    is_version = EVENT_TYPES[name].ordering == "sequence"
    version = max((each.envelope.object_version for each in versions), default=0) + 1
    envelope = replace(
        event.envelope,
        tenant=others[0].envelope.tenant,
        group_id=others[0].envelope.group_id,
        source=others[0].envelope.source,
        legal_entity=others[0].envelope.legal_entity,
        contract_id=contract,
        object_id=contract if is_version else f"odd{number}",
        object_type=versions[0].envelope.object_type
        if is_version and versions
        else event.envelope.object_type,
        object_version=version if is_version else 1,
        effective_date=choose(story.days),
    )
    given = {"base_version": version - 1} if hasattr(event, "base_version") else {}
    return seal(replace(event, envelope=envelope, **given))


def _owned(value, story, choose, name=""):
    if isinstance(value, msgspec.Struct):
        return replace(
            value,
            **{each: _owned(getattr(value, each), story, choose, each) for each in value.__struct_fields__},
        )
    if isinstance(value, tuple):
        return tuple(_owned(each, story, choose, name) for each in value)
    if isinstance(value, str) and name in OWN and story.texts[name] and choose(range(8)):
        return choose(story.texts[name])
    return value


def enlarged(event, factor):
    """The event with every amount times ``factor``, up to the largest that the language takes."""
    return seal(_each(event, (Stated,), lambda amount: max(-LARGEST, min(LARGEST, amount * factor))))


def moved(event, days):
    """The event with every day so much later, within the years that a calendar can show."""
    return seal(_each(event, (Day,), lambda day: max(-719_162, min(2_932_896, day + days))))


def _each(value, kinds, change, hint=None):
    if isinstance(value, msgspec.Struct):
        hints = _hints(type(value))
        return replace(
            value,
            **{
                name: _each(getattr(value, name), kinds, change, hints[name])
                for name in value.__struct_fields__
            },
        )
    if isinstance(value, tuple):
        return tuple(_each(each, kinds, change, typing.get_args(hint)[0]) for each in value)
    if value is not None and (hint in kinds or set(kinds) & set(typing.get_args(hint))):
        return change(value)
    return value


def spoiled_story(choose, most):
    """A story with up to ``most`` events spoiled or borrowed, then the days that revenue is run through.

    Now and then all of its amounts are enlarged, all of its days are moved, or its events arrive in another order.
    """
    story = stories()[choose(sorted(stories()))]
    steps = list(story.steps)
    spots = [place for place, step in enumerate(steps) if not isinstance(step, Control)]
    for number in range(choose(range(1, most + 1))):
        if choose((True, False)):
            place = choose(spots)
            steps[place] = spoiled(steps[place], story, choose)
        else:
            event = borrowed(choose(sorted(EVENT_TYPES)), number, story, choose)
            for _ in range(choose((0, 1, 1, 2))):
                event = spoiled(event, story, choose)
            steps.append(event)
    runs = sorted(
        {*([*run_days(story.setting)][:: max(1, choose((2, 5, 100)))]), *[*run_days(story.setting)][-1:]}
    )
    if choose(range(3)) == 0:
        steps = _of_events(steps, enlarged, choose(FACTORS))
    if choose(range(4)) == 0:
        days = choose(SHIFTS)
        steps = _of_events(steps, moved, days)
        runs = [max(-719_162, min(2_932_896, day + days)) for day in runs]
    if choose(range(4)) == 0 and not any(isinstance(step, Control) for step in steps):
        steps = [steps.pop(choose(range(len(steps)))) for _ in range(len(steps))]
    return story, [*steps, *runs]


def _of_events(steps, change, how):
    return [step if isinstance(step, Control) else change(step, how) for step in steps]


def unsayable(steps):
    """Whether the language itself refuses one of the events, before any agent sees it."""
    try:
        for step in steps:
            if not isinstance(step, int | Control):
                codec_of_the_language().encode(step)
    except Unencodable:
        return True
    return False


def good_contract(story, steps):
    """A contract of its own in the story's group: one line of a month, as plain as can be, of their time."""
    first = next(each for each in story.events if hasattr(each, "customer_id") and hasattr(each, "lines"))
    dated = sorted(each.envelope.effective_date for each in steps if hasattr(each, "envelope"))
    day = max(YEAR_TWO, dated[len(dated) // 2])
    line = Line(GOOD, first.lines[0].product, "time", day, min(day + 30, 2_932_896), ssp_minor=100)
    head = replace(
        activated().envelope,
        tenant=first.envelope.tenant,
        group_id=first.envelope.group_id,
        legal_entity=first.envelope.legal_entity,
        contract_id=GOOD,
        object_id=GOOD,
        effective_date=day,
    )
    term = {"approved_date": day, "start_date": day, "end_date": line.to_date}
    good = replace(
        activated(), envelope=head, currency=first.currency, price_minor=100, lines=(line,), **term
    )
    return seal(good)
