"""The fold of any facts: the same in any order, piece by piece or at once, never before a fact's own day, to the unit."""

import datetime as dt

from accounting.agreements import (
    EPOCH,
    agreed,
    component,
    item,
    performed,
    relief,
    revenue_of,
    version,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from tieout.agents.accounting.layers import fold, refolded

FIRST = dt.date(2025, 1, 1)
MEASURES = ("time", "time", "point", "units", "cost", "percent", "drawdown")
dates = st.integers(0, 420).map(lambda days: (FIRST + dt.timedelta(days)).isoformat())
amounts = st.integers(-40_000, 60_000)


def promise(draw, po):
    measure = draw(st.sampled_from(MEASURES))
    start, end = sorted((draw(dates), draw(dates)))
    qty = draw(st.integers(1, 9))
    special = {}
    if draw(st.booleans()):
        special = {"distinct": draw(st.booleans()), "gate": draw(st.sampled_from(["none", "access"]))}
    return item(po, measure, draw(st.integers(1, 500)), start=start, end=end, qty=qty, **special)


def modification(draw, number, known):
    at = draw(dates)
    kind = draw(st.sampled_from(["amend", "amend", "amend", "suspend", "resume", "price_only", "cancel"]))
    pos = sorted(known)
    touched = draw(st.lists(st.sampled_from(pos), unique=True, max_size=2))
    fresh = [promise(draw, f"L{number}")] if kind == "amend" and draw(st.booleans()) else []
    more = {}
    if kind == "amend" and draw(st.booleans()):
        more["line_prices"] = {po: draw(amounts) for po in touched}
        more["past_credit"] = draw(st.integers(0, 5_000))
        more["distinct"] = draw(st.sampled_from([None, None, True, False]))
    if kind == "suspend":
        until = draw(st.none() | dates)
        more["pauses"] = [(po, at, until) for po in touched if until is None or until >= at]
    change = [(po, draw(st.sampled_from(["last", "qty"])), 1) for po in touched if kind == "amend"]
    change = [
        (po, field, days(draw(dates)) if field == "last" else draw(st.integers(1, 9)))
        for po, field, _ in change
    ]
    drop = [po for po in touched if kind == "cancel"]
    ssp = {po: draw(st.integers(1, 500)) for po in touched if kind == "amend" and draw(st.booleans())}
    return version(number, at, draw(amounts), *fresh, kind=kind, change=change, drop=drop, ssp=ssp, **more)


def days(text):
    return dt.date.fromisoformat(text).toordinal() - EPOCH


def evidence(draw, promised):
    series = st.lists(st.tuples(dates, st.integers(0, 6)), max_size=3)
    shares = st.lists(st.tuples(dates, st.fractions(0, 1, max_denominator=100)), max_size=3)
    match promised.measure:
        case "cost":
            costs = [(at, value * 30) for at, value in draw(series)]
            expected = [(at, 100 + value * 20) for at, value in draw(series)]
            return {"eac": expected, "cost": costs}
        case "percent":
            return {"percent": draw(shares)}
        case "drawdown":
            return {
                "consumed": [(at, value * 10**6) for at, value in draw(series)],
                "expired": draw(st.none() | dates),
            }
        case _:
            return {"moved": draw(series), "opened": draw(st.none() | dates)}


@st.composite
def stories(draw):
    """Dated facts of all kinds of one arrangement: versions, components, write-offs, evidence."""
    lines = [promise(draw, f"P{place}") for place in range(draw(st.integers(1, 3)))]
    terms = [version(1, FIRST.isoformat(), draw(st.integers(0, 100_000)), *lines)]
    known = {line.po: line for line in lines}
    terms += [modification(draw, number, known) for number in range(2, 2 + draw(st.integers(0, 3)))]
    everything = known | {line.po: line for terms_ in terms for line in terms_.add}
    components = []
    for name in range(draw(st.integers(0, 2))):
        reach, ref = draw(
            st.sampled_from([("version", ""), ("version", "C1@2"), ("obligation", "P0"), ("version", "C1@1")])
        )
        components += [
            component(f"V{name}", number, draw(dates), draw(amounts), reach, ref)
            for number in range(1, 1 + draw(st.integers(1, 3)))
        ]
    reliefs = [
        relief(f"W{place}", draw(dates), draw(st.integers(0, 9_000)))
        for place in range(draw(st.integers(0, 1)))
    ]
    return terms, components, reliefs, {po: evidence(draw, line) for po, line in everything.items()}


def facts_by(story, through):
    """The facts of a story that are dated on or before a day (None: all)."""
    terms, components, reliefs, shown = story

    def there(at):
        return through is None or at <= through

    done = {}
    for po, kinds in shown.items():
        kept = {}
        for kind, dated in kinds.items():
            if isinstance(dated, list):
                kept[kind] = [(at, value) for at, value in dated if there(days(at))]
            elif dated is not None and there(days(dated)):
                kept[kind] = dated
        done[po] = performed(**kept)
    return agreed(
        [each for each in terms if there(each.at)],
        [each for each in components if there(each.at)],
        [each for each in reliefs if there(each.at)],
        done,
    )


def all_days(story):
    terms, components, reliefs, shown = story
    found = {each.at for each in (*terms, *components, *reliefs)}
    for kinds in shown.values():
        for dated in kinds.values():
            if isinstance(dated, list):
                found |= {days(at) for at, _ in dated}
            elif dated is not None:
                found.add(days(dated))
    return sorted(found)


@settings(deadline=None)
@given(stories(), st.randoms(use_true_random=False))
def test_facts_in_any_order_give_the_same_layers(story, chance):
    facts = facts_by(story, None)
    shuffled = {}
    for name in ("terms", "components", "reliefs"):
        values = list(getattr(facts, name))
        chance.shuffle(values)
        shuffled[name] = tuple(values)
    assert fold(facts._replace(**shuffled)) == fold(facts)


@settings(deadline=None)
@given(stories(), st.data())
def test_folding_on_from_an_earlier_fold_is_folding_everything(story, data):
    found = all_days(story)
    through = data.draw(st.sampled_from(found))
    opened = story[0][0].at
    before = fold(facts_by(story, max(through, opened)))
    later = [day for day in found if day > max(through, opened)]
    first = later[0] if later else found[-1] + 1
    whole = facts_by(story, None)
    assert refolded(before, whole, first) == fold(whole)


@settings(deadline=None)
@given(stories(), st.data())
def test_a_fact_changes_nothing_before_its_own_day(story, data):
    found = all_days(story)
    through = max(data.draw(st.sampled_from(found)), story[0][0].at)
    part, whole = facts_by(story, through), facts_by(story, None)
    for on in [each for each in found if each <= through]:
        known, seen = fold(part).layers, fold(whole).layers
        assert revenue_of(known, part.done, on) == revenue_of(seen, whole.done, on)


@settings(deadline=None)
@given(stories())
def test_shares_add_up_to_the_price_in_every_layer(story):
    terms, components, _, _ = story
    facts = facts_by(story, None)
    folded = fold(facts)
    versions = {f"C1@{each.version}" for each in terms} | {""}
    for step in folded.layers.steps:
        stated = sum(each.pool for each in terms if each.at <= step.from_day)
        taken = {}
        for each in sorted(components, key=lambda found: found.version):
            reached = each.reach == "obligation" or each.ref in versions
            since = next((found.at for found in terms if f"C1@{found.version}" == each.ref), 0)
            if reached and max(each.at, since) <= step.from_day:
                taken[each.id] = each.amount
        relieved = sum(
            amount
            for name, amount in folded.reliefs
            if any(each.id == name and each.at <= step.from_day for each in facts.reliefs)
        )
        assert (
            sum(share.base + share.amount for share in step.shares) == stated + sum(taken.values()) + relieved
        )
