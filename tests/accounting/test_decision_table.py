"""The rows that matched, in words, of versions and of what their fold did."""

import pytest
from accounting.agreements import version
from msgspec.structs import replace

from tieout.agents.accounting.agreed import Rebase
from tieout.agents.accounting.decision_table import (
    NO_PAST,
    NO_SPLIT,
    PERFORMED,
    ROWS,
    SCOPED,
    SERVED,
    TAKEN_BACK,
    reasons,
)
from tieout.tables.facts import Correction


def did(
    treatment, members=("S",), caught_up=(), missing="", credited=0, taken_back=0, performed=0, scoped=False
):
    return Rebase("C1", 2, treatment, 0, members, caught_up, missing, credited, taken_back, performed, scoped)


def told(rebase, **more):
    return reasons(version(2, "2025-04-01", 5, **more), rebase)


@pytest.mark.parametrize(
    ("rebase", "more", "wanted"),
    [
        (did("prospective"), {}, (ROWS[16], "606-10-25-13(a)")),
        (did("catch_up", (), ("W",)), {}, (ROWS[17], "revenue is caught up", "606-10-25-13(b)")),
        (did("mixed", ("S",), ("W",)), {}, (ROWS[18], "606-10-25-13(c)")),
        (did("prospective", ()), {}, (ROWS[13],)),
        (did("prospective"), {"kind": "suspend"}, ("service is paused", SERVED, "606-10-25-13(a)")),
        (did("prospective"), {"kind": "resume"}, ("service goes on", SERVED, "606-10-25-13(a)")),
        (did("prospective", credited=5), {"past_credit": 5}, (ROWS[8], ROWS[16], "606-10-25-13(a)")),
        (did("prospective"), {"past_credit": 5}, (NO_PAST, ROWS[16], "606-10-25-13(a)")),
        (did("prospective"), {"price_open": True}, (ROWS[9], ROWS[16], "606-10-25-13(a)")),
        (did("prospective", missing="MOD_NEGATIVE_REMAINING"), {}, (ROWS[15], ROWS[16], "606-10-25-13(a)")),
        (did("prospective", performed=5), {}, (PERFORMED, ROWS[16], "606-10-25-13(a)")),
        (did("prospective", scoped=True), {}, (ROWS[16], SCOPED)),
        (did("prospective", taken_back=-5), {}, (ROWS[15], TAKEN_BACK, ROWS[16], "606-10-25-13(a)")),
        (did("mixed", missing="MOD_SPLIT_MISSING"), {}, (NO_SPLIT, ROWS[18], "606-10-25-13(c)")),
    ],
)
def test_a_version_is_explained_by_what_it_says_and_what_it_did(rebase, more, wanted):
    assert told(rebase, **more) == wanted


def test_a_cancellation_is_explained_as_one_whatever_it_leaves():
    for members in ((), ("S",)):
        assert told(did("prospective", members), kind="cancel")[0] == ROWS[10]


def test_what_is_pinned_with_a_version_stands():
    terms = replace(version(2, "2025-04-01"), treatment="separate", reasons=("pinned",))
    assert reasons(terms, did("separate")) == ("pinned",)


def test_a_version_apart_and_one_without_effect_need_no_fold():
    terms = version(2, "2025-04-01", past_credit=5)
    apart = (ROWS[8], ROWS[11], "each at its stand-alone selling price", "606-10-25-12")
    assert reasons(replace(terms, treatment="separate"), None) == apart
    assert reasons(replace(version(2, "2025-04-01"), treatment="none"), None) == (ROWS[3],)


def test_a_version_that_is_corrected_says_so_first():
    terms = version(2, "2025-04-01", correction=Correction(0, "K", 1))
    assert reasons(terms, did("prospective"))[0] == ROWS[2]
