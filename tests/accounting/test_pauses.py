"""Pauses as versions tell them, and what a suspension leaves to be earned (606-10-25-13(a), 25-31)."""

import pytest
from accounting.agreements import agreed, day, item, moves, performed, treatments, version, with_contract

from tieout.agents.accounting.layers import fold
from tieout.agents.accounting.pauses import paused_within, pauses_by_promise


def span(first, last=None):
    return day(first), None if last is None else day(last)


def pausing(number, *pauses, kind="suspend", at="2025-01-01"):
    return version(number, at, kind=kind, pauses=[("S", *pause) for pause in pauses])


def told(*versions):
    return pauses_by_promise(versions).get("S", ())


MAY = ("2025-05-01", "2025-05-31")
OPEN = ("2025-05-01", None)


def test_pauses_of_several_versions_stand_beside_each_other_in_order_of_their_days():
    july = ("2025-07-01", "2025-07-31")
    assert told(pausing(2, july), pausing(3, MAY)) == (span(*MAY), span(*july))


def test_a_later_version_gives_a_pause_its_end_whatever_is_looked_at_first():
    ended = pausing(3, ("2025-05-01", "2025-05-20"), kind="resume")
    for versions in ([pausing(2, OPEN), ended], [ended, pausing(2, OPEN)]):
        assert told(*versions) == (span("2025-05-01", "2025-05-20"),)


def test_a_pause_that_ends_before_it_begins_was_none():
    assert told(pausing(2, OPEN), pausing(3, ("2025-05-01", "2025-04-30"), kind="resume")) == ()
    assert told(pausing(2, ("2025-05-01", "2025-05-01"))) == (span("2025-05-01", "2025-05-01"),)


@pytest.mark.parametrize("kind", ["resume", "cancel"])
def test_resuming_and_ending_a_contract_leave_no_pause_of_it_open(kind):
    ending = version(3, "2025-06-01", kind=kind)
    assert told(pausing(2, OPEN, ("2025-03-01", "2025-03-31")), ending) == (span("2025-03-01", "2025-03-31"),)
    assert told(ending, pausing(4, OPEN)) == (span(*OPEN),)
    assert told(pausing(2, OPEN), with_contract(ending, "C2")) == (span(*OPEN),)
    assert told(pausing(2, OPEN), version(3, "2025-06-01")) == (span(*OPEN),)


@pytest.mark.parametrize(
    ("pause", "within"),
    [
        (("2025-05-01", "2025-05-31"), True),
        (("2025-04-01", "2025-05-10"), True),
        (("2025-05-31", "2025-07-01"), True),
        (("2025-04-01", "2025-05-09"), False),
        (("2025-06-01", None), False),
        (("2025-04-01", None), True),
    ],
)
def test_a_pause_is_within_a_span_when_they_share_a_day(pause, within):
    assert paused_within((span(*pause),), day("2025-05-10"), day("2025-05-31")) == (
        (span(*pause),) if within else ()
    )


def test_every_pause_has_a_day_in_a_span_without_bounds():
    assert paused_within((span(*MAY),), None, None) == (span(*MAY),)
    assert paused_within((span(*MAY),), day("2025-06-01"), None) == ()
    assert paused_within((span(*MAY),), None, day("2025-04-30")) == ()


YEAR = item("S", "time", 12, start="2025-01-01", end="2025-12-31")
QUARTERS = ("2025-03-31", "2025-06-30", "2025-09-30", "2025-12-31")


def test_a_line_that_is_added_later_knows_the_pauses_that_were_told_before():
    """The line joins on 1 July below its SSP; the contract is paused in August: 5 months of each are left for 12,000."""
    added = item("A", "time", 6, start="2025-07-01", end="2025-12-31")
    facts = agreed(
        [
            version(1, "2025-01-01", 12_000, YEAR),
            version(2, "2025-07-01", 6_000, added),
            version(
                3,
                "2025-05-01",
                kind="suspend",
                pauses=[(po, "2025-08-01", "2025-08-31") for po in ("S", "A")],
            ),
        ]
    )
    shares = {share.po: share for share in fold(facts).layers.steps[-1].shares}
    assert shares["A"].pauses == shares["S"].pauses == (span("2025-08-01", "2025-08-31"),)
    assert moves(facts, "2025-04-30", "2025-06-30", "2025-07-31", "2025-08-31")[-1] == {}


def test_work_that_is_one_thing_goes_on_as_it_is_and_its_days_are_counted_anew():
    facts = agreed(
        [
            version(1, "2025-01-01", 24_000, item("S", "time", 12, start="2025-01-01", end="2025-12-31", distinct=False), item("P", "percent", 12)),
            version(2, "2025-07-01", kind="suspend", pauses=[("S", "2025-07-01", "2025-09-30")]),
        ],
        done={"P": performed(percent=[("2025-06-30", 1)])},
    )  # fmt: skip
    assert treatments(facts) == ["inception", "prospective"]
    assert moves(facts, *QUARTERS) == [{"S": 3_000}, {"S": 3_000, "P": 12_000}, {}, {"S": 6_000}]


def test_a_current_price_of_what_remains_holds_for_the_days_that_are_served():
    """In the pause 3,000 buys what is left of each line: the rest is shared by half."""
    facts = agreed(
        [
            version(1, "2025-01-01", 24_000, YEAR, item("T", "units", 12, qty=12)),
            version(2, "2025-07-01", kind="suspend", pauses=[("S", "2025-07-01", "2025-09-30")]),
            version(3, "2025-08-01", 0, ssp={"S": 3_000, "T": 3_000}),
        ]
    )
    shares = {share.po: share.amount for share in fold(facts).layers.steps[-1].shares}
    assert shares == {"S": 9_000, "T": 9_000}


def test_a_cancellation_with_access_ends_a_pause_that_had_no_end():
    """Four months are earned; what is left after the cancellation is earned by the end of access, pause or not."""
    facts = agreed(
        [
            version(1, "2025-01-01", 12_000, YEAR),
            version(2, "2025-05-01", kind="suspend", pauses=[("S", "2025-05-01", None)]),
            version(3, "2025-07-01", -6_000, kind="cancel", change=[("S", "last", day("2025-08-31"))]),
        ]
    )
    assert moves(facts, "2025-06-30", "2025-07-31", "2025-08-31") == [
        {"S": 4_000},
        {"S": 1_000},
        {"S": 1_000},
    ]
