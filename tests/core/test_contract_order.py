"""Confluence: what is booked depends on the facts, never on the order, the runs or the closes in between."""

import datetime as dt
from collections import defaultdict
from decimal import Decimal

import msgspec
from golden.inbox import Inbox
from golden.scenario import Given, day_of
from hypothesis import given, settings
from hypothesis import strategies as st

from tieout.avro.commands import JournalPost
from tieout.avro.control import ReferenceActivated
from tieout.avro.reference import CalendarPeriod, CalendarPublished, EntityPublished, ReferenceHeader
from tieout.tables.reference import MonthCalendar, Reference

YEAR = dt.date(2025, 1, 1)
dates = st.integers(0, 330).map(lambda days: YEAR + dt.timedelta(days=days))
cents = st.integers(1, 30_000).map(lambda amount: Decimal(amount) / 100)


@st.composite
def facts(draw):
    """Commuting facts of one contract: documents, cash, deliveries, usage."""
    found = []
    for place in range(draw(st.integers(1, 3))):
        po = draw(st.sampled_from([None, "S", "G"]))
        found.append(
            {"type": "invoice_posted", "id": f"I{place}", "amount": draw(cents), "tax": draw(cents), "po": po}
        )
    for place in range(draw(st.integers(0, 3))):
        named = draw(st.sampled_from([None, "I0", "I1"]))
        found.append({"type": "payment_received", "id": f"P{place}", "amount": draw(cents), "invoice": named})
    for place in range(draw(st.integers(0, 2))):
        reason = draw(
            st.sampled_from(
                ["concession_past", "refund_proportional", "future_discount", "billing_error", None]
            )
        )
        found.append(
            {"type": "credit_memo_issued", "id": f"M{place}", "amount": draw(cents), "reason": reason}
        )
    found += [
        {"type": "goods_delivered", "id": f"D{place}", "po": "G", "qty": draw(st.integers(1, 3))}
        for place in range(draw(st.integers(0, 3)))
    ]
    found += [
        {"type": "usage_rated", "id": f"U{place}", "meter": "m", "amount": draw(cents)}
        for place in range(draw(st.integers(0, 2)))
    ]
    for each in found:
        each["at"] = draw(dates)
        for name in ("po", "invoice", "reason"):
            if name in each and each[name] is None:
                del each[name]
    return found


@st.composite
def versions(draw):
    """An activation with time, units and usage; then perhaps an amendment, perhaps a cancellation."""
    lines = [
        {
            "po": "S",
            "measure": "time",
            "from": YEAR,
            "to": dt.date(2025, 12, 31),
            "qty": 3,
            "ssp": 100,
            "ssp_per": "month",
        },
        {"po": "G", "measure": "units", "qty": 9, "ssp": 50, "ssp_per": "unit"},
        {"po": "U", "measure": "usage", "meter": "m"},
    ]
    found = [
        {"at": YEAR, "type": "contract_activated", "price": draw(st.integers(3000, 4000)), "lines": lines}
    ]
    at = YEAR + dt.timedelta(days=draw(st.integers(20, 150)))
    if draw(st.booleans()):
        change = draw(
            st.sampled_from(
                [
                    {
                        "price_change": 200,
                        "add": [
                            {
                                "po": "A",
                                "measure": "time",
                                "from": at,
                                "to": dt.date(2025, 12, 31),
                                "ssp": 700,
                            }
                        ],
                    },
                    {"price_change": -150, "change": [{"po": "S", "qty": 2, "price_change": -150}]},
                    {"price_change": 90, "change": [{"po": "S", "to": dt.date(2026, 2, 15)}]},
                ]
            )
        )
        found.append({"at": at, "type": "contract_amended", **change})
    if draw(st.booleans()):
        at += dt.timedelta(days=draw(st.integers(0, 100)))
        end = draw(st.sampled_from([None, at + dt.timedelta(days=40)]))
        found.append(
            {
                "at": at,
                "type": "contract_cancelled",
                "price_change": -100,
                "fee": draw(st.sampled_from([0, 30])),
            }
        )
        if end is not None:
            found[-1]["access_end"] = end
    return found


def booked(inbox):
    """(class, po, entity, currency, attribution period) -> movement over all journals."""
    sums = defaultdict(int)
    for command in inbox.commands:
        if isinstance(command, JournalPost):
            assert sum(line.debit_minor - line.credit_minor for line in command.lines) == 0
            for line in command.lines:
                key = (
                    line.account_class,
                    line.po,
                    command.header.entity,
                    command.header.currency,
                    line.service_period,
                )
                sums[key] += line.credit_minor - line.debit_minor
    return {key: amount for key, amount in sums.items() if amount}


def known(inbox):
    """Facts and layers without causes."""
    state = inbox.state
    plain = (state.facts, state.documents, state.usage, state.layers)

    def without_causes(node):
        if isinstance(node, list | tuple):
            return [without_causes(each) for each in node if not is_cause(each)]
        return node

    return without_causes(msgspec.to_builtins(plain))


def is_cause(node):
    return isinstance(node, dict) and set(node) == {"topic", "partition", "offset"}


def scenario(events):
    return Given({"events": events, "expect": {}})


def play(steps, controls=()):
    inbox = Inbox(scenario([]).reference())
    for place, step in enumerate(steps):
        for at, control in controls:
            if at == place:
                kind, month = control
                label = f"2025-{month:02}"
                inbox.run(day_of(label)) if kind == "run" else inbox.close(label)
        inbox.deliver(step)
    inbox.run(day_of("2025-12"))
    return inbox


controls = st.lists(
    st.tuples(st.integers(0, 8), st.tuples(st.sampled_from(["run", "run", "close"]), st.integers(1, 12))),
    max_size=5,
)


@settings(max_examples=150, deadline=None)
@given(st.data(), versions(), facts(), controls)
def test_any_order_with_runs_and_closes_in_between_books_the_same(data, told, happened, between):
    steps = list(scenario(told + happened).steps())
    plain = play(steps)
    shuffled = play(data.draw(st.permutations(steps)), between)
    assert shuffled.outcomes.count("applied") >= len(steps) - len(shuffled.refusals)
    assert booked(shuffled) == booked(plain)
    assert known(shuffled) == known(plain)


@settings(max_examples=60, deadline=None)
@given(versions(), facts(), st.integers(1, 40))
def test_emission_in_small_steps_and_then_by_month_is_emission_by_month(told, happened, step):
    steps = list(scenario(told + happened).steps())
    coarse, fine = play(steps), Inbox(scenario([]).reference())
    for each in steps:
        fine.deliver(each)
    for day in range(day_of("2024-12"), day_of("2025-12"), step):
        fine.run(day)
    fine.run(day_of("2025-12"))
    assert booked(fine) == booked(coarse)


@settings(max_examples=60, deadline=None)
@given(versions(), facts(), controls)
def test_ids_are_unique_and_lanes_have_no_hole(told, happened, between):
    inbox = play(list(scenario(told + happened).steps()), between)
    ids = [command.header.command_id for command in inbox.commands]
    assert len(set(ids)) == len(ids)
    told_ids = [event.revenue_event_id for event in inbox.revenue]
    assert len(set(told_ids)) == len(told_ids)
    for lane in ("master", "document", "journal"):
        numbers = [command.header.lane_seq for command in inbox.commands if command.header.lane == lane]
        assert numbers == list(range(1, len(numbers) + 1))


@settings(max_examples=60, deadline=None)
@given(versions(), facts(), controls)
def test_the_revenue_events_add_up_to_the_ledger_and_nothing_lands_in_a_closed_period(
    told, happened, between
):
    inbox = play(list(scenario(told + happened).steps()), between)
    kinds = {"revenue": "recognised"}
    calendar, sums = MonthCalendar(), defaultdict(int)
    for event in inbox.revenue:
        if event.kind not in ("booked", "billed"):
            sums[event.kind, event.po or "", calendar.period_labelled(event.period)] += event.amount_minor
    for account in inbox.state.ledger.accounts:
        for series in account.series:
            for place, amount in enumerate(series.movements):
                kind = kinds.get(series.account_class, series.account_class)
                assert sums[kind, series.po, series.first + place] == amount
    closed = ""
    for decision, labels in zip(inbox.decisions, inbox.closed_before, strict=True):
        closed = max([closed, *labels])
        assert all(command.header.posting_period > closed for command in decision.commands if closed)


def test_two_half_steps_are_one_step():
    base = {"at": YEAR, "type": "contract_activated", "price": 1000, "lines": [
        {"po": "S", "measure": "time", "from": YEAR, "to": dt.date(2025, 12, 31), "ssp": 700},
        {"po": "T", "measure": "time", "from": YEAR, "to": dt.date(2026, 3, 9), "ssp": 511},
    ]}  # fmt: skip
    zero = {
        "at": dt.date(2025, 4, 16),
        "type": "contract_amended",
        "change": [{"po": "S", "price_change": 0}],
    }
    once, twice = (play(list(scenario([base, *[zero] * times]).steps())) for times in (1, 2))
    assert booked(once) == booked(twice)


def test_replay_gives_the_same_commands():
    events = [
        {"at": YEAR, "type": "contract_activated", "price": 1200, "lines": [{"po": "S", "measure": "time", "from": YEAR, "to": dt.date(2025, 12, 31)}]},
        {"at": dt.date(2025, 2, 3), "type": "invoice_posted", "id": "I1", "amount": 700},
    ]  # fmt: skip
    first, second = (play(list(scenario(events).steps()), [(1, ("run", 3))]) for _ in range(2))
    assert first.commands == second.commands
    assert first.revenue == second.revenue


def listed(count):
    """The scenario's reference with a calendar of ``count`` periods of four weeks from the year's first day on."""
    rows = list(scenario([])._rows())
    rows = [
        msgspec.structs.replace(row, calendar="445") if isinstance(row, EntityPublished) else row
        for row in rows
    ]
    first = day_of(YEAR)
    periods = tuple(CalendarPeriod(f"P{n:02}", first + 28 * n, first + 28 * n + 27) for n in range(count))
    header = ReferenceHeader("t", "calendar", "445", 1, 0)
    return Reference.of([*rows, CalendarPublished(header, "listed", periods)], 0)


markers = st.lists(
    st.one_of(
        st.tuples(st.just("run"), st.integers(-10, 500).map(lambda day: day + day_of(YEAR))),
        st.tuples(st.just("close"), st.sampled_from(["P00", "P03", "P12", "P13", "2025-01", "", "²"])),
    ),
    max_size=6,
)


@settings(max_examples=80, deadline=None)
@given(versions(), facts(), markers, st.integers(13, 15))
def test_no_marker_raises_on_a_calendar_that_ends_and_a_longer_one_makes_up_for_it(
    told, happened, marked, count
):
    short, whole = Inbox(listed(count)), Inbox(listed(40))
    steps = list(scenario(told + happened).steps())
    for step in steps:
        short.deliver(step)
        whole.deliver(step)
    for place, (kind, value) in enumerate(marked):
        for inbox in (short, whole):
            inbox.run(value) if kind == "run" else inbox.close(value)
            assert inbox.state.control_seq == place + 1
    short.reference = listed(40)
    for inbox in (short, whole):
        inbox.mark(lambda header: ReferenceActivated(header, 1))
        inbox.run(day_of("2026-12"))
    assert not [each for each in short.state.group.open_items if each.event_type == "revenue_run"]
    assert booked(short) == booked(whole)
