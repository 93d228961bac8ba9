"""How many commands stand still: counted as lanes change, and the same as counted from nothing."""

from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from posting.saying import command

from tieout.agents.posting.arriving import opened
from tieout.agents.posting.lanes import Lanes


def still(by_lane):
    """Lane names, by the definition: parked first, or waiting for a command of a lane that stands still."""
    where = {each.command_id: lane for lane, commands in by_lane.items() for each in commands}
    found, before = set(), None
    while found != before:
        before = set(found)
        for lane, (first, *_) in by_lane.items():
            needs = [each for each in first.after if each in where] if first.state == "prepared" else []
            if first.state == "parked" or (needs and where[needs[0]] in found):
                found.add(lane)
    return found


@given(st.integers(0, 10**9))
@settings(max_examples=200, deadline=None)
def test_what_stands_still_is_what_is_parked_or_waits_for_what_stands_still(seed):
    chance = Random(seed)
    lanes, numbers, ids = Lanes([]), dict.fromkeys("abcd", 0), []
    for step in range(60):
        first = [lanes.first(lane) for lane in sorted({each.lane for each in lanes})]
        if not first or chance.random() < 0.4:
            group = chance.choice("abcd")
            numbers[group] += 1
            after = (chance.choice(ids),) if ids and chance.random() < 0.5 else ()
            said = command(f"journal-{step}", numbers[group], group=group, after=after)
            lanes.admit(opened(said, 0))
            ids.append(said.header.command_id)
        else:
            one = chance.choice(first)
            match chance.choice(("park", "send", "finish")):
                case "park":
                    lanes.change(replace(one, state="parked", due_ms=0))
                case "send":
                    lanes.change(replace(one, state="sent", due_ms=0))
                case "finish":
                    lanes.finish(one)
        by_lane = {}
        for each in lanes:
            by_lane.setdefault(each.lane, []).append(each)
        counted = sum(len(by_lane[lane]) for lane in still(by_lane))
        assert lanes.standing_still == counted


def test_what_waits_for_a_parked_customer_takes_none_of_the_window():
    lanes = Lanes([])
    lanes.admit(opened(command("customer", 1, group="a"), 0))
    for number in (1, 2, 3):
        lanes.admit(opened(command(f"invoice-{number}", number, group="b", after=("customer",)), 0))
    assert lanes.standing_still == 0
    lanes.change(replace(lanes.find("customer"), state="parked", due_ms=0))
    assert lanes.standing_still == 4
    lanes.finish(lanes.find("customer"))
    assert lanes.standing_still == 0
