"""The format of scenarios: what is read, what is refused with its place, and that the tables know the whole language."""

import datetime as dt
import re
from decimal import Decimal
from pathlib import Path

import pytest

from tieout.avro import events as ev
from tieout.avro.canonical import content_hash
from tieout.avro.catalogue import EVENT_TYPES
from tieout.streams.operate.scenario.describing import described
from tieout.streams.operate.scenario.facts_of import EVENT_MAPS, Told, steps_of
from tieout.streams.operate.scenario.fields import Default
from tieout.streams.operate.scenario.lines import LINE_FIELDS
from tieout.streams.operate.scenario.loading import Scenario, read_text
from tieout.streams.operate.scenario.places import ScenarioWrong
from tieout.streams.operate.scenario.running import run
from tieout.streams.operate.scenario.setting import setting_of

PAGE = Path(__file__).resolve().parents[2] / "docs" / "scenarios.md"
ACTIVATED = "{at: 2025-01-01, type: contract_activated, price: 1200, lines: [{po: S, measure: time, from: 2025-01-01, to: 2025-12-31}]}"
ADDED_UP = frozenset({"listed", "po", "service_from", "service_to", "span", "paused"})
"""What a row reads only to make another field of it: lines of a document, the span of a period."""


def scenario(*events, **keys):
    """A scenario of these events, as text and back."""
    lines = ["- scenario: one", *(f"  {key}: {value}" for key, value in ({"expect": "{}"} | keys).items())]
    (read,) = read_text("\n".join([*lines, "  events:", *(f"  - {event}" for event in events)]), "a.yaml")
    return read


def events(*stated, **keys):
    return [step.event for step in steps_of(scenario(*stated, **keys))]


def problem(*stated, **keys):
    """What running it says is wrong."""
    result = run(scenario(*stated, **keys))
    assert result.wrong is not None, list(result.lines())
    return str(result.wrong)


def test_numbers_are_decimals_days_are_dates_and_only_true_and_false_are_flags():
    (read,) = read_text(
        "- scenario: one\n  note: [1.10, 1_000, 2025-05-31, 2025-05, yes, no, on, Y, true, ~, 1e3]\n  events: []\n  expect: {}\n",
        "a.yaml",
    )
    day = dt.date(2025, 5, 31)
    wanted = [
        Decimal("1.10"),
        Decimal(1000),
        day,
        "2025-05",
        "yes",
        "no",
        "on",
        "Y",
        True,
        None,
        Decimal(1000),
    ]
    assert read.data["note"] == wanted
    assert not any(isinstance(each, float) for each in read.data["note"])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: [", "a.yaml: line 1"),
        ("scenario: one", "must be a list"),
        (
            "- note: Ex. 33: thirds",
            "line 1, column 15: mapping values are not allowed here; a text with a colon",
        ),
        ("- scenario: one\n  scenario: two", "line 2, column 3: the key 'scenario' stands here twice"),
        ("- scenario: one\n  events: []", "a.yaml, one: has no 'expect'"),
        ("- events: []\n  expect: {}", "a.yaml, [0]: has no 'scenario'"),
        ("- scenario: one\n  events: []\n  expect: {}\n  colour: red", "a.yaml, one, colour: unknown key"),
        ("- scenario: one\n  events: {}\n  expect: {}", "a.yaml, one, events: must be a list"),
        ("- scenario: one\n  events: [5]\n  expect: {}", "a.yaml, one, events[0]: must be a map"),
        ("- scenario: one\n  events: []\n  expect: {profit: 1}", "a.yaml, one, expect.profit: unknown key"),
        ("- scenario: one\n  events: []\n  expect: {}\n  any_order: no", "any_order: must be true or false"),
        ("- {scenario: 2025-02-30}", "2025-02-30 is not a day of the calendar"),
        ("- {scenario: !!python/object:os.system x}", "could not determine a constructor"),
        ("- &a [*a]\n", "must be a map"),
    ],
)
def test_a_file_that_is_not_in_the_format_is_refused_with_its_place(text, said):
    (wrong,) = read_text(text, "a.yaml")
    assert isinstance(wrong, ScenarioWrong)
    assert said in str(wrong)


def test_one_wrong_scenario_does_not_hide_the_others_of_its_file():
    good = "- scenario: {}\n  events: []\n  expect: {{}}\n"
    read = read_text(good.format("a") + "- scenario: b\n" + good.format("c"), "a.yaml")
    assert [isinstance(each, Scenario) for each in read] == [True, False, True]


@pytest.mark.parametrize(
    ("event", "said"),
    [
        ("{at: 2025-01-01, type: contract_signed}", "events[1].type: 'contract_signed' is no event type"),
        ("{at: 2025-01-01, type: invoice_posted, amount: 1, colour: red}", "events[1].colour: unknown key"),
        ("{at: 2025-01-01, type: invoice_posted}", "events[1]: has no 'amount'"),
        (
            "{at: 2025-01-01, type: invoice_posted, amount: 0.005}",
            "events[1].amount: 0.005 USD has more than 2",
        ),
        (
            "{at: 2025-01-01, type: invoice_posted, amount: much}",
            "events[1].amount: must be a number, not 'much'",
        ),
        (
            "{at: 2025-01-01, type: invoice_posted, amount: '12.50'}",
            "events[1].amount: must be a number, not '12.50'; write it without quotes",
        ),
        (
            "{at: 2025-01-01, type: invoice_posted, amuont: 1}",
            "events[1].amuont: unknown key, did you mean 'amount'? known here: at, type",
        ),
        ("{at: 2025-01, type: invoice_posted, amount: 1}", "events[1].at: must be a day"),
        ("{type: invoice_posted, amount: 1}", "events[1].at: must be a day such as 2025-05-31, not nothing"),
        ("{at: 2025-01-01, type: payment_received, amount: 1, version: 2}", "payment_received is no version"),
        (
            "{at: 2025-01-01, type: contract_renewed, price: 1, lines: [{po: R, measure: mood}]}",
            "is no measure",
        ),
        (
            "{at: 2025-01-01, type: contract_renewed, price: 1, lines: [{po: R, measure: time, colour: 1}]}",
            "a.yaml, one, events[1].lines[0].colour: unknown key",
        ),
        ("{at: 2025-01-01, type: milestone_completed, po: S, percent: 0.0000001}", "finer than a millionth"),
        (
            "{at: 2025-01-01, type: variable_estimate_changed, id: V, amount: 1, reach: all_1}",
            "events[1].reach: one of version_N",
        ),
        ("{walk: 2025-05}", "events[1]: is neither an event"),
        ("{run: 2025-13}", "'2025-13' is no period of the calendar"),
        ("{run: 2025-05, entity: FR}", "'FR' is not among `entities`"),
    ],
)
def test_an_event_that_is_not_in_the_format_is_refused_with_its_place(event, said):
    assert said in problem(ACTIVATED, event)


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"policy": "{mood: high}"}, "policy.mood: unknown switch"),
        ({"policy": "{credit_effect.x: {grip: 1}}"}, "policy.credit_effect.x.grip: unknown key"),
        ({"entities": "{US: {functional: USD, calendar: weeks}}"}, "'weeks' is not among `calendars`"),
        ({"rates": "[{date: 2025-01-01, from: EUR, to: USD, type: gut, rate: 1}]"}, "no type of rate"),
        ({"rates": "[{date: 2025-01-01, from: EUR, to: USD, type: spot, rate: 0}]"}, "a rate is above 0"),
        (
            {"expect": "{balances: {2025-05: {profit: 1}}}"},
            "expect.balances.2025-05.profit: 'profit' is no balance",
        ),
        ({"expect": "{posted: {2025-05: {profit: 1}}}"}, "'profit' is no class"),
        (
            {"expect": "{decisions: [{mood: 1}]}", "any_order": "true"},
            "expect.decisions[0].mood: unknown key",
        ),
        ({"expect": "{schedule: {S: {2025-05: x}}}"}, "expect.schedule.S.2025-05: must be a number"),
    ],
)
def test_a_setting_or_expectation_that_is_not_in_the_format_is_refused_with_its_place(keys, said):
    amended = "{at: 2025-03-01, type: contract_amended, price_change: 1}"
    assert said in problem(ACTIVATED, amended, **keys)


def test_every_event_type_of_the_language_can_be_stated_and_every_stated_key_has_its_field():
    assert EVENT_MAPS.keys() == EVENT_TYPES.keys()
    for name, row in EVENT_MAPS.items():
        fields = set(EVENT_TYPES[name].struct.__struct_fields__)
        assert {each.target for each in row.fields} - fields <= ADDED_UP, name
    assert {each.target for each in LINE_FIELDS} <= set(ev.Line.__struct_fields__)


EXAMPLES = {
    "amount": "5",
    "number": "2",
    "amount per unit": "0.005",
    "share, 0..1": "0.25",
    "day": "2025-02-03",
    "day or null": "2025-02-03",
    "text": "X",
    "list of texts": "[X]",
    "true or false": "true",
    "whole number": "1",
    "month": "2025-02",
    "period": "2025-02",
    "list of lines": "[{po: S, measure: time, from: 2025-01-01, to: 2025-12-31}]",
    "list of {po, qty, from, to, price_change}": "[{po: S, qty: 2}]",
    "list of {pos, price}": "[{pos: [S], price: 5}]",
    "list of {po, amount, tax, from, to}": "[{po: S, amount: 5}]",
    "list of {class, po, debit, credit}": "[{class: revenue, debit: 5}]",
    "list of {class, po, period, amount}": "[{class: revenue, period: 2025-02, amount: 5}]",
    "{by, notice_days, penalty}": "{by: customer, notice_days: 30, penalty: false}",
    "obligation -> amount": "{S: 5}",
}
"""Kind of value, as the documentation calls it -> an example."""


@pytest.mark.parametrize("required_only", [True, False], ids=["required keys", "every key"])
@pytest.mark.parametrize("name", EVENT_MAPS)
def test_each_event_type_becomes_a_sealed_event_of_the_language(name, required_only):
    row = EVENT_MAPS[name]
    stated = {"at": "2025-02-03", "type": name}
    for each in row.fields:
        if each.default is Default.REQUIRED or not required_only:
            stated[each.key] = "version_2" if each.key == "reach" else EXAMPLES[each.kind.words]
    (event,) = events("{" + ", ".join(f"{key}: {value}" for key, value in stated.items()) + "}")
    assert event.EVENT_TYPE == event.envelope.event_type == name
    assert event.envelope.content_hash == content_hash(event)
    if not required_only:
        for each in row.fields:
            assert each.target in ADDED_UP or getattr(event, each.target) is not None, each.key


def test_amounts_quantities_and_prices_keep_every_digit():
    line = "{po: U, measure: usage, meter: m, unit_price: 0.00125, qty: 1.50}"
    activation, used = events(
        f"{{at: 2025-01-01, type: contract_activated, price: 1000, lines: [{line}]}}",
        "{at: 2025-02-01, type: usage_reported, meter: m, qty: 2.250}",
        currency="JPY",
    )
    (stated,) = activation.lines
    assert (activation.price_minor, stated.unit_price_minor, stated.unit_price_scale) == (1000, 125, 5)
    assert (stated.quantity, stated.quantity_scale, stated.measure) == (15, 1, "amount")
    assert (used.quantity, used.quantity_scale) == (225, 2)


def test_identities_are_fixed_by_the_list_and_versions_count_up():
    told = events(
        ACTIVATED,
        "{at: 2025-02-01, type: payment_received, amount: 1}",
        "{at: 2025-03-01, type: contract_amended, effective: 2025-04-01, approved: null}",
        "{at: 2025-03-01, type: variable_estimate_changed, id: V, amount: 1, reach: version_2}",
        "{at: 2025-03-02, type: variable_estimate_changed, id: V, amount: 1, reach: performed}",
        "{at: 2025-03-01, type: contract_amended, contract: C2, version: 7}",
    )
    envelopes = [event.envelope for event in told]
    assert [each.object_id for each in envelopes] == ["C1", "payment_received1", "C1", "V", "V", "C2"]
    assert [each.object_version for each in envelopes] == [1, 1, 2, 820_148, 820_149, 7]
    assert (told[2].base_version, told[2].approved_date) == (1, None)
    assert envelopes[2].effective_date - envelopes[3].effective_date == 31
    assert [(each.reach, each.version) for each in told[3:5]] == [("version", 2), ("performed", None)]


def test_an_event_has_the_entity_and_currency_of_its_contract_unless_it_states_another():
    paid = "{at: 2025-01-01, type: payment_received, amount: 1.005}"
    told = events(
        paid,
        ACTIVATED.replace("price: 1200", "price: 1200, entity: UK, currency: KWD"),
        paid.replace("1.005", "1.05, currency: EUR"),
        paid,
        paid.replace("1.005", "1.05, contract: C2"),
    )
    stated = [(each.envelope.legal_entity, each.currency) for each in told]
    assert stated == [("UK", "KWD"), ("UK", "KWD"), ("UK", "EUR"), ("UK", "KWD"), ("US", "USD")]
    assert told[0].amount_minor == 1005


def test_a_version_that_is_sent_again_is_the_same_version():
    amended = "{at: 2025-03-01, type: contract_amended, id: A, price_change: 1}"
    told = events(ACTIVATED, amended, amended, amended.replace("1}", "2}"), amended.replace("id: A", "id: B"))
    assert [each.envelope.object_version for each in told] == [1, 2, 2, 2, 3]
    hashes = [each.envelope.content_hash for each in told[1:4]]
    assert (hashes[0] == hashes[1], hashes[1] == hashes[2]) == (True, False)


def test_a_correction_says_nothing_of_what_it_does_not_state():
    corrected = "{at: 2025-03-01, type: contract_corrected, corrects: 1, price: 5}"
    plain, dated = events(
        corrected, corrected.replace("price: 5", "approved: 2025-02-01, effective: 2025-02-02, customer: ADA")
    )
    stated = {name for name in plain.__struct_fields__ if getattr(plain, name) not in (None, ())}
    assert stated == {"envelope", "currency", "corrects", "withdrawn", "price_minor"}
    assert dated.customer_id == "ADA"
    assert dated.effective_day - dated.approved_date == 1
    assert dated.envelope.effective_date == plain.envelope.effective_date


def test_the_price_book_and_rates_become_reference_rows():
    given = scenario(
        ACTIVATED,
        ssp="[{po: S, effective: 2025-03-01, ssp: 7}, {po: S, effective: 2025-01-01, ssp: 5, ssp_per: month}]",
        rates="[{date: 2025-01-01, from: EUR, to: USD, type: spot, rate: 1.10}]",
        entities="{US: {functional: USD}, UK: {functional: GBP}}",
    )
    (step,) = steps_of(given)
    assert isinstance(step, Told)
    assert step.event.lines[0].ssp_minor is None, "the price book has it"
    known = setting_of(given, [step]).reference
    march = (dt.date(2025, 3, 1) - dt.date(1970, 1, 1)).days
    assert [known.ssp("S", "USD", day).ssp_minor for day in (march - 1, march)] == [500, 700]
    rate = known.rate(("EUR", "USD"), "spot", march)
    assert (rate.rate, rate.rate_scale) == (11, 1)
    assert known.entity("UK", march).currencies == ("EUR", "GBP", "USD")


def test_an_expectation_that_contains_itself_is_refused_and_not_searched_for_ever():
    text = f"- scenario: one\n  events: [{ACTIVATED}]\n  expect: &a {{schedule: *a}}\n"
    (read,) = read_text(text, "a.yaml")
    assert "expect.schedule.schedule" in str(run(read).wrong)


def test_a_listed_calendar_runs_at_the_ends_of_its_periods():
    weeks = "{weeks: [{period: 2025-01, first: 2025-01-01, last: 2025-01-28}, {period: 2025-02, first: 2025-01-29, last: 2025-02-25}]}"
    activated = ACTIVATED.replace("to: 2025-12-31", "to: 2025-02-25").replace("price: 1200", "price: 560")
    result = run(
        scenario(
            activated,
            calendars=weeks,
            entities="{US: {functional: USD, calendar: weeks}}",
            policy="{convention: days}",
            expect="{schedule: {S: {2025-01: 280, 2025-02: 280}}, balances: {2025-01-14: {recognised: 140}}}",
        )
    )
    assert result.passed, list(result.lines())


def test_an_event_that_the_language_lacks_is_a_difference_and_no_skip(monkeypatch):
    reduced = {name: each for name, each in EVENT_TYPES.items() if name != "payment_received"}
    monkeypatch.setattr("tieout.streams.operate.scenario.facts_of.EVENT_TYPES", reduced)
    result = run(scenario(ACTIVATED, "{at: 2025-01-01, type: payment_received, amount: 1}"))
    (difference,) = result.differences
    assert not result.passed
    assert (difference.part, difference.path) == ("events", "events[1].type")
    assert difference.got == "not supported yet: the event language has no such event"


def test_a_stated_key_without_a_field_is_a_difference_and_an_unstated_one_is_not(monkeypatch):
    row = EVENT_MAPS["payment_received"]
    ahead = replace_field(row, "invoice", "invoice_of_a_later_release")
    monkeypatch.setitem(EVENT_MAPS, "payment_received", ahead)
    paid = "{at: 2025-01-01, type: payment_received, amount: 1}"
    assert run(scenario(ACTIVATED, paid)).passed
    (difference,) = run(scenario(ACTIVATED, paid.replace("}", ", invoice: I1}"))).differences
    assert difference.path == "events[1].invoice"


def replace_field(row, key, target):
    fields = tuple(each._replace(target=target) if each.key == key else each for each in row.fields)
    return type(row)(row.type, row.words, fields)


def test_what_the_agent_has_no_rule_for_is_a_difference_even_where_the_figures_match():
    gated = ACTIVATED.replace("measure: time", "measure: percent, gate: acceptance")
    expect = "{schedule: {S: {2025: 0}}"
    result = run(scenario(gated, expect=expect + "}"))
    assert result.differences[0].got.startswith("not supported yet: line 'S': gate acceptance")
    assert run(scenario(gated, expect=expect + ", exceptions: [EVENT_UNSUPPORTED]}")).passed


def test_the_page_lists_the_keys_that_are_read():
    _, _, listed = PAGE.read_text().partition("## All keys")
    assert listed.endswith("\n".join(described()) + "\n"), (
        "run: tieout scenario format, and put it under All keys"
    )


def test_every_example_of_the_page_passes():
    examples = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(), re.DOTALL)
    results = [run(each) for each in read_text("\n".join(examples), "page.yaml")]
    assert len(results) == 4
    assert [line for result in results if not result.passed for line in result.lines()] == []


def test_the_example_of_the_page_passes_and_a_wrong_figure_is_told_as_the_page_says():
    text = PAGE.read_text()
    example = re.search(r"```yaml\n(.*?)```", text, re.DOTALL)[1]
    (given,) = read_text(example, "my.yaml")
    right = run(given)
    assert (right.passed, right.runs) == (True, 7)
    (given,) = read_text(example.replace("2025-Q3: 420", "2025-Q3: 400"), "my.yaml")
    said = re.search(r"```text\n(.*?)0 of 1", text, re.DOTALL)[1]
    assert "\n".join(run(given).lines()) + "\n" == said
