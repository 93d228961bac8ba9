"""What the facts of a group say of one arrangement: its versions, components, performance and dated amounts."""

from accounting.agreements import ARRANGEMENT, CAUSE, ONE, component, day, item, performed, version
from accounting.billing import group, invoiced, voided
from msgspec.structs import replace

from tieout.agents.accounting.agreement import (
    components_of,
    contracts_of,
    done_of,
    folded_of,
    own_components,
    terms_of,
)
from tieout.agents.accounting.alerts import standing
from tieout.agents.accounting.dated_amounts import amounts_by_po
from tieout.agents.accounting.performance import known_by
from tieout.agents.accounting.targets import Targets
from tieout.tables.derived import NOTHING
from tieout.tables.facts import Estimate, Evidence
from tieout.tables.work import Work, WorkLog

SERVICE = item("S", "time", start="2025-01-01", end="2025-12-31")
SIGNED = version(1, "2025-01-01", 1200, SERVICE)
JUNE = day("2025-06-01")


def worked(po, *entries, contract="C1"):
    logged = [
        Work(f"w{place}", 1, kind, day(at), 0, amount, CAUSE)
        for place, (kind, at, amount) in enumerate(entries)
    ]
    return WorkLog(contract, po, tuple(logged))


def expected(po, at, cost, kind="eac"):
    return Estimate(f"{po}{kind}{at}", 1, "C1", po, kind, day(at), cost, CAUSE)


def with_work(state, *logs):
    return replace(state, work=logs)


def corrected(terms, kind="amend"):
    """A version that was told again."""
    more = version(
        terms.number if hasattr(terms, "number") else terms.version, "2025-01-01", correction=(0, "x", 2)
    ).more
    return replace(terms, more=more, kind=kind)


def test_versions_of_an_arrangement_come_in_their_order_and_others_are_not_among_them():
    later, elsewhere = version(2, "2025-06-01", 10), replace(version(3, "2025-06-01", 10), arrangement="C1@3")
    state = group(later, elsewhere, SIGNED)
    assert [each.version for each in terms_of(state, "C1@1")] == [1, 2]


def test_an_arrangement_holds_its_own_contract_or_those_that_are_combined():
    assert contracts_of(ARRANGEMENT) == ("C1",)
    assert contracts_of(replace(ARRANGEMENT, contracts=("C1", "C2"))) == ("C1", "C2")


def test_performance_is_that_of_the_contracts_of_the_arrangement():
    evidence = [Evidence("e", name, po, JUNE, ONE, CAUSE) for name, po in (("C1", "G"), ("C2", "H"))]
    promised = version(1, "2025-01-01", 9, item("G", "point"))
    other = replace(version(1, "2025-01-01", 9, item("H", "point")), contract="C2")
    state = group(promised, other, evidence=tuple(evidence))
    assert done_of(state, ARRANGEMENT) == {"G": performed(moved=[("2025-06-01", 1)])}


def test_what_is_not_known_by_a_day_is_not_there():
    done = performed(
        moved=[("2025-02-01", 2), ("2025-06-01", 1)],
        cost=[("2025-06-01", 7)],
        eac=[("2025-02-01", 50), ("2025-06-01", 60)],
        opened="2025-03-01",
        expired="2025-05-01",
    )
    early = known_by(done, day("2025-02-28"))
    assert early == performed(moved=[("2025-02-01", 2)], eac=[("2025-02-01", 50)])
    assert known_by(done, day("2025-03-01")).opened == day("2025-03-01")
    assert known_by(done, day("2025-04-30")).expired is None
    assert known_by(done, day("2025-05-01")).expired == day("2025-05-01")
    assert known_by(done, JUNE) == done
    assert known_by(NOTHING, 0) is NOTHING


def test_components_of_a_version_or_a_line_that_is_withdrawn_are_none():
    first = component("A", 1, "2025-01-01", 5)
    second = component("B", 1, "2025-01-01", 7, ref="C1@2")
    of_line = component("D", 1, "2025-01-01", 9, "obligation", "N")
    elsewhere = replace(component("E", 1, "2025-01-01", 11), arrangement="C2@1")
    known = (first, second, of_line, elsewhere)
    added = version(2, "2025-06-01", 100, item("N", "point"))
    assert own_components(group(SIGNED, added, components=known), "C1@1") == (first, second, of_line)
    gone = corrected(version(2, "2025-06-01", 100), "withdrawn")
    assert own_components(group(SIGNED, gone, components=known), "C1@1") == (first,)
    told_again = corrected(version(2, "2025-06-01", 100))
    assert own_components(group(SIGNED, told_again, components=known), "C1@1") == (first, second)
    without_beginning = group(replace(corrected(SIGNED, "withdrawn"), treatment="none"), components=known)
    assert own_components(without_beginning, "C1@1") == ()
    assert own_components(group(SIGNED), "C1@1") == ()


def test_hours_and_royalties_are_revenue_of_their_days_beside_the_allocation():
    """606-10-55-18: hours at what may be invoiced for them, 40 in May and 20 in June."""
    hours = item("H", "amount", None, start="2025-01-01", end="2025-12-31", amount_of="hours")
    log = worked("H", ("hours", "2025-05-10", 40), ("hours", "2025-06-10", 20))
    state = with_work(group(version(1, "2025-01-01", 1200, SERVICE, hours)), log)
    steps = amounts_by_po(state, "C1@1")["H"]
    assert [steps.by(day(each)) for each in ("2025-05-09", "2025-05-31", "2025-06-30")] == [0, 40, 60]
    assert amounts_by_po(state, "C2@1") == {}
    shown = Targets(state, ARRANGEMENT)
    assert shown.at(day("2025-06-30")).revenue == {"H": 60, "S": 600}
    assert shown.price(day("2025-06-30")) == 1260
    assert shown.gross_revenue(day("2025-06-30"), ["H", "S"]) == {"H": 60, "S": 600}


def written_off(at, amount, doc="I"):
    return replace(voided(doc, at), id=f"off{doc}", kind="write_off", amount=amount)


def test_the_void_of_a_document_that_was_written_off_takes_what_the_write_off_had_left_in_the_price():
    """500 of 1,200 earned by May, 1,200 is billed and given up in June: 700 leave the price, 500 are expense.

    The void in July takes the expense back, and the 500 with it: nothing of the contract is left.
    """
    memo_of_void = component("voidI\x1fC1@1", 1, "2025-07-01", 0, "performed")
    state = group(
        SIGNED,
        lines=[invoiced("I", "2025-01-01", 1200)],
        acts=(written_off("2025-06-01", 1200), voided("I", "2025-07-01")),
        components=(memo_of_void,),
    )
    assert folded_of(state, ARRANGEMENT).reliefs == (("offI", -700),)
    (taken,) = components_of(state, ARRANGEMENT, {"offI": -700})
    assert (taken.amount, taken.at) == (-500, day("2025-07-01"))
    shown = Targets(state, ARRANGEMENT)
    dates = ("2025-05-31", "2025-06-30", "2025-07-01")
    assert [shown.at(day(each)).recognised for each in dates] == [500, 500, 0]
    assert [shown.due(day(each)) for each in dates] == [1200, 500, 0]


def test_a_component_that_is_no_void_keeps_its_amount_beside_a_write_off():
    state = group(
        SIGNED,
        lines=[invoiced("I", "2025-01-01", 1200)],
        acts=(written_off("2025-06-01", 1200),),
        components=(component("bonus", 1, "2025-07-01", 30),),
    )
    assert [each.amount for each in components_of(state, ARRANGEMENT, {"offI": -700})] == [30]


def alerts(*terms, logs=(), **facts):
    state = with_work(group(*terms, **facts), *logs)
    return [(each.code, each.fact, each.arrangement, each.amount, each.detail) for each in standing(state)]


WORK = version(1, "2025-01-01", 1000, item("W", "cost"), item("B", "percent"))


def test_what_is_told_of_work_names_the_line_and_the_amounts():
    spent = (worked("W", ("cost", "2025-02-01", 70), ("uninstalled", "2025-02-01", 5)),)
    assert alerts(WORK, logs=spent) == [
        (
            "EAC_MISSING", "C1@1/W", "C1@1", 75,
            "75 was spent on line 'W', whose expected cost is not known: it earns nothing (606-10-25-36)",
        )
    ]  # fmt: skip
    over = alerts(
        WORK, logs=spent, estimates=(expected("W", "2025-01-01", 90), expected("W", "2025-03-01", 60))
    )
    assert over == [
        ("EVIDENCE_OVER_SCOPE", "C1@1/W", "C1@1", 15, "75 was spent on line 'W', 60 expected in all")
    ]
    assert alerts(WORK, logs=spent, estimates=(expected("W", "2025-01-01", 75),)) == []


def test_what_is_told_of_a_loss_names_the_lines_their_cost_and_their_price():
    assert alerts(WORK, estimates=(expected("W", "2025-01-01", 501),)) == [
        ("CONTRACT_LOSS", "C1@1", "C1@1", 1, "lines ['W'] are expected to cost 501, and to earn 500")
    ]
    assert alerts(WORK, estimates=(expected("W", "2025-01-01", 500),)) == []


def test_what_is_told_of_percent_names_the_last_two_of_three():
    told = tuple(
        expected("B", at, value, "percent")
        for at, value in (("2025-01-31", 100_000), ("2025-02-28", 600_000), ("2025-03-31", 400_000))
    )
    assert alerts(WORK, estimates=told) == [
        ("PROGRESS_DOWN", "C1@1/B", "C1@1", 0, "line 'B' went from 600000 to 400000 millionths complete")
    ]
    risen = (*told, expected("B", "2025-04-30", 400_000, "percent"))
    assert alerts(WORK, estimates=risen) == []
    assert alerts(WORK, estimates=(told[1],)) == []


def test_facts_of_a_line_that_nobody_promises_any_more_are_told():
    gone = corrected(WORK)
    gone = replace(gone, kind="activate", add=(item("B", "percent"),))
    spent = (worked("W", ("cost", "2025-02-01", 70)),)
    assert alerts(gone, logs=spent) == [
        (
            "EVIDENCE_UNKNOWN_PO", "C1/W", "C1@1", 0,
            "line 'W' is no longer promised: what was told of it counts for nothing",
        )
    ]  # fmt: skip
    assert [each[0] for each in alerts(gone, estimates=(expected("W", "2025-01-01", 9),))] == [
        "EVIDENCE_UNKNOWN_PO"
    ]
    moved = (Evidence("e", "C1", "W", JUNE, ONE, CAUSE),)
    assert [each[0] for each in alerts(gone, evidence=moved)] == ["EVIDENCE_UNKNOWN_PO"]
    known = (Evidence("e", "C1", "B", JUNE, ONE, CAUSE),)
    assert alerts(gone, evidence=known) == []


def test_a_rejection_names_its_line_and_its_last_day():
    facts = tuple(
        Evidence(f"e{at}", "C1", "B", day(at), 0, CAUSE, kind="rejected")
        for at in ("2025-03-01", "2025-02-01")
    )
    ((code, fact, home, amount, detail),) = alerts(WORK, evidence=facts)
    assert (code, fact, home, amount) == ("ACCEPTANCE_REJECTED", "C1@1/B", "C1@1", 0)
    assert "line 'B' was not accepted on" in detail
    accepted = Evidence("a", "C1", "B", day("2025-02-15"), 0, CAUSE, kind="accepted")
    assert len(alerts(WORK, evidence=(*facts, accepted))) == 1
    assert alerts(WORK, evidence=(*facts, replace(accepted, at=day("2025-03-01")))) == []
    assert len(alerts(WORK, evidence=(*facts, replace(accepted, at=day("2025-03-01"), po="W")))) == 1
