"""Each check of the oracle must be able to fail: plant one error in a faultless run, and look at the verdict."""

import ast
import dataclasses
from pathlib import Path

import pytest
from msgspec.structs import replace
from oracle.comparing import compare
from oracle.expected import expect
from oracle.perfect_run import PerfectRun
from oracle.reading import read
from oracle.saying import day

from tieout.avro import commands as ordered
from tieout.avro import outcomes as told
from tieout.streams.operate.generate import generate

HORIZON = day("2025-09-30")


@pytest.fixture(scope="module")
def expected():
    return expect(generate("day", 400, 5), HORIZON)


@pytest.fixture
def run(expected):
    return PerfectRun(expected)


def verdict(run):
    return compare(run.expected, read(run.commands, run.outcomes, HORIZON))


def position(records, wanted):
    return next(index for index, each in enumerate(records) if wanted(each))


def of_kind(kind):
    return lambda command: isinstance(command, ordered.Command) and command.header.kind == kind


def with_cents(journal, ledger_class, cents):
    """The journal with ``cents`` more credited to one class and debited to another, so that it still balances."""
    lines = list(journal.lines)
    first = position(lines, lambda each: each.account_class == ledger_class and each.credit_minor > 10)
    other = position(lines, lambda each: each.account_class != ledger_class and each.debit_minor > 10)
    lines[first] = replace(lines[first], credit_minor=lines[first].credit_minor + cents)
    lines[other] = replace(lines[other], debit_minor=lines[other].debit_minor + cents)
    return replace(journal, lines=tuple(lines))


def earning_journals(run, count):
    found = [
        index
        for index, each in enumerate(run.commands)
        if of_kind("journal.post")(each)
        and each.header.currency == "USD"
        and any(line.account_class == "revenue" and line.credit_minor > 10 for line in each.lines)
        and any(line.account_class == "contract_liability" and line.debit_minor > 10 for line in each.lines)
    ]
    return found[:count]


def test_a_faultless_run_ties_out(run):
    report = verdict(run)
    assert report.findings == ()
    assert report.tied_out
    assert (report.oracle_difference, report.lost, report.duplicated) == (0, 0, 0)


@pytest.mark.parametrize(
    "kind",
    ["customer.upsert", "sales_order.create", "sales_order.update", "invoice.create", "credit_memo.create"],
)
def test_a_lost_command_is_seen(run, kind):
    del run.commands[position(run.commands, of_kind(kind))]
    report = verdict(run)
    assert not report.tied_out
    assert report.lost == 1
    assert len(report.missing_commands) == 1


@pytest.mark.parametrize("kind", ["customer.upsert", "sales_order.create", "invoice.create", "journal.post"])
def test_a_doubled_command_is_seen(run, kind):
    run.commands.append(run.commands[position(run.commands, of_kind(kind))])
    report = verdict(run)
    assert not report.tied_out
    assert report.duplicated == 1


def test_the_same_order_under_another_id_is_a_duplicate(run):
    command = run.commands[position(run.commands, of_kind("sales_order.create"))]
    other = replace(command.header, command_id="other", lane_seq=10**6)
    run.commands.append(replace(command, header=other))
    assert verdict(run).duplicated == 1


def test_a_lost_journal_is_seen_as_a_difference(run):
    (index,) = earning_journals(run, 1)
    revenue = sum(each.credit_minor for each in run.commands[index].lines if each.account_class == "revenue")
    contract = run.commands[index].header.contract_id
    del run.commands[index]
    report = verdict(run)
    assert report.contracts_differing == (contract,)
    assert report.oracle_difference >= 2 * revenue


def test_one_wrong_cent_is_seen(run):
    (index,) = earning_journals(run, 1)
    run.commands[index] = with_cents(run.commands[index], "revenue", 1)
    report = verdict(run)
    assert report.oracle_difference == 2, "a cent too much in revenue and one too little in the liability"
    assert len(report.contracts_differing) == 1


def test_two_errors_that_net_to_zero_are_both_seen(run):
    first, second = earning_journals(run, 2)
    run.commands[first] = with_cents(run.commands[first], "revenue", 5)
    run.commands[second] = with_cents(run.commands[second], "revenue", -5)
    report = verdict(run)
    assert not report.measures.get(("recognised", "US", "USD")), "the net sum shows nothing"
    assert report.oracle_difference == 20
    assert len(report.contracts_differing) == 2


def test_revenue_on_the_wrong_obligation_of_a_contract_is_seen(run):
    index = position(
        run.commands,
        lambda each: (
            of_kind("journal.post")(each)
            and sum(line.account_class == "revenue" for line in each.lines) > 1
            and each.header.contract_id not in run.expected.conceded
        ),
    )
    journal = run.commands[index]
    one, two, *rest = journal.lines
    run.commands[index] = replace(journal, lines=(replace(one, po=two.po), replace(two, po=one.po), *rest))
    report = verdict(run)
    assert report.oracle_difference == 0
    assert len(report.obligations) == 2 or one.credit_minor == two.credit_minor
    assert not report.tied_out


def test_revenue_in_the_wrong_month_is_seen():
    expected = expect(generate("day", 60, 5), HORIZON, by_period=True)
    run = PerfectRun(expected)
    assert verdict(run).tied_out
    index = position(
        run.commands,
        lambda each: (
            of_kind("journal.post")(each) and each.lines[-1].service_period != each.lines[-2].service_period
        ),
    )
    journal = run.commands[index]
    one, two = journal.lines[-2:]
    swapped = (
        replace(one, service_period=two.service_period),
        replace(two, service_period=one.service_period),
    )
    run.commands[index] = replace(journal, lines=(*journal.lines[:-2], *swapped))
    report = verdict(run)
    assert report.oracle_difference == 0
    assert len(report.periods) == 2
    assert not report.tied_out


def test_an_invoice_with_another_amount_is_seen(run):
    index = position(run.commands, of_kind("invoice.create"))
    invoice = run.commands[index]
    line = replace(invoice.lines[0], amount_minor=invoice.lines[0].amount_minor + 1)
    run.commands[index] = replace(
        invoice, amount_minor=invoice.amount_minor + 1, lines=(line, *invoice.lines[1:])
    )
    report = verdict(run)
    assert len(report.wrong_documents) == 1
    assert report.oracle_difference >= 1


def test_a_command_that_nobody_asked_for_is_seen(run):
    index = position(run.commands, of_kind("invoice.create"))
    header = replace(run.commands[index].header, command_id="x", lane_seq=10**6)
    run.commands.append(replace(run.commands[index], header=header, invoice_number="NEVER-SENT"))
    report = verdict(run)
    assert [key[2] for key in report.extra_commands] == ["NEVER-SENT"]


def test_a_journal_that_does_not_balance_is_seen(run):
    (index,) = earning_journals(run, 1)
    journal = run.commands[index]
    line = replace(journal.lines[0], credit_minor=journal.lines[0].credit_minor + 1)
    run.commands[index] = replace(journal, lines=(line, *journal.lines[1:]))
    assert any("does not balance" in each for each in verdict(run).broken)


def test_a_gap_in_a_lane_is_seen(run):
    index = position(run.commands, lambda each: each.header.lane == "document" and each.header.lane_seq == 1)
    header = run.commands[index].header
    run.commands[index] = replace(run.commands[index], header=replace(header, lane_seq=10**6))
    assert any("has gaps" in each for each in verdict(run).broken)


def test_an_exception_that_is_missing_closed_or_owned_by_others_is_seen(run):
    index = position(run.outcomes, lambda each: isinstance(each, told.ExceptionItem))
    item = run.outcomes[index]
    run.outcomes[index] = replace(item, status="resolved")
    assert verdict(run).missing_exceptions == ((item.contract_id, item.code),)
    run.outcomes[index] = replace(item, owner="nobody")
    assert verdict(run).wrong_owners == {item.code: "nobody"}
    run.outcomes[index] = replace(item, code="INTERNAL_ERROR")
    assert verdict(run).extra_exceptions == ((item.contract_id, "INTERNAL_ERROR"),)


def test_a_compacted_exception_counts_as_its_last_record_says(run):
    item = next(each for each in run.outcomes if isinstance(each, told.ExceptionItem))
    gap = replace(item, exception_id="late gap", code="SEQUENCE_GAP", contract_id="C9", owner="integration")
    run.outcomes.append(gap)
    assert verdict(run).extra_exceptions == (("C9", "SEQUENCE_GAP"),)
    run.outcomes.append(replace(gap, status="resolved"))
    assert verdict(run).tied_out


def test_a_lost_event_and_a_dead_letter_are_seen(run):
    totals = run.outcomes[-1]
    first = totals.totals[0]
    run.outcomes[-1] = replace(totals, totals=(replace(first, count=first.count - 1), *totals.totals[1:]))
    assert verdict(run).lost == 1
    run.outcomes[-1] = totals
    letter = told.DeadLetter(
        dead_letter_id="d",
        reason="UNDECODABLE",
        owner="integration",
        detail="",
        next_step="",
        topic="t",
        partition=0,
        offset=0,
        recorded_at=0,
        schema_id=None,
        key_size=0,
        value_size=0,
        value_hash="",
    )
    run.outcomes.append(letter)
    report = verdict(run)
    assert report.dead_letters == {"UNDECODABLE": 1}
    allowed = compare(
        run.expected, read(run.commands, run.outcomes, HORIZON), dead_letters={"UNDECODABLE": 1}
    )
    assert allowed.tied_out


def test_a_run_without_control_totals_does_not_tie_out(run):
    del run.outcomes[-1]
    assert verdict(run).broken == ("no control totals were found",)


def test_a_wrong_booking_is_seen(run):
    index = position(run.outcomes, lambda each: isinstance(each, told.RevenueEvent) and each.kind == "booked")
    run.outcomes[index] = replace(run.outcomes[index], amount_minor=run.outcomes[index].amount_minor - 1)
    assert len(verdict(run).measures) == 1


def test_every_part_of_the_report_can_say_no(run):
    clean = verdict(run)
    for name in ("oracle_difference", "lost", "duplicated"):
        assert not dataclasses.replace(clean, **{name: 1}).tied_out
    told_apart = {each.name for each in dataclasses.fields(clean)} - {
        "oracle_difference",
        "contracts_differing",
        "lost",
        "duplicated",
    }
    for name in told_apart:
        kind = type(getattr(clean, name))
        planted = {("C1", "x", "y"): (1, 2)} if kind is dict else (("C1", "x", "y"),)
        assert not dataclasses.replace(clean, **{name: planted}).tied_out, name


def test_the_oracle_imports_nothing_that_it_judges():
    for path in Path(__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            modules = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            modules += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            for module in modules:
                judged = ("tieout.agents", "tieout.tables", "tieout.streams.engine")
                assert not module.startswith(judged), f"{path.name} imports {module}"
                assert not (node.__class__ is ast.ImportFrom and module == "tieout"), path.name
