"""An error table gives every answer of an ERP one verdict, and what nobody foresaw is never taken for a safe no."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tieout.agents.posting.error_table import (
    TEXT_CHARACTERS_MAX,
    ErpAnswer,
    ErrorTable,
    ErrorTableWrong,
    Verdict,
    retry_after_ms,
)

NOON = 784_111_777
"""Seconds of Sun, 06 Nov 1994 08:49:37 GMT, the example of RFC 9110."""


def table(*rows):
    return ErrorTable.of(list(rows))


def test_the_first_row_that_fits_decides():
    rows = table(
        {"status": "400", "code": "SLOTS", "kind": "throttled"},
        {"status": "400", "kind": "permanent", "reason": "NOT_SUPPORTED"},
    )
    assert rows.verdict(ErpAnswer(400, "SLOTS")) == Verdict("throttled", "NONE")
    assert rows.verdict(ErpAnswer(400, "OTHER")) == Verdict("permanent", "NOT_SUPPORTED")


def test_a_row_fits_only_when_all_that_it_states_fits():
    rows = table(
        {
            "status": "500-503",
            "code_pattern": "LOCK_.*",
            "text_pattern": "row is locked",
            "header": "Retry-After",
            "kind": "transient",
        }
    )
    whole = ErpAnswer(503, "LOCK_7", "The ROW is Locked by another", {"retry-after": "1"})
    assert rows.verdict(whole).kind == "transient"
    for other in (
        whole._replace(status=504),
        whole._replace(code="A_LOCK_7"),
        whole._replace(text="nothing"),
        whole._replace(headers={}),
    ):
        assert rows.verdict(other).kind == "ambiguous"


def test_an_exact_code_is_no_pattern():
    rows = table({"code": "A.B", "kind": "throttled"})
    assert rows.verdict(ErpAnswer(400, "A.B")).kind == "throttled"
    assert rows.verdict(ErpAnswer(400, "AXB")).kind == "permanent"


@pytest.mark.parametrize("status", ["4xx", "400-499"])
def test_a_class_and_a_range_of_statuses_cover_their_ends_and_no_more(status):
    rows = table({"status": status, "kind": "duplicate"})
    fits = [number for number in range(100, 600) if rows.verdict(ErpAnswer(number)).kind == "duplicate"]
    assert (fits[0], fits[-1], len(fits)) == (400, 499, 100)


@pytest.mark.parametrize(
    ("status", "verdict"),
    [
        (200, Verdict("ambiguous", "NONE")),
        (302, Verdict("ambiguous", "NONE")),
        (400, Verdict("permanent", "UNCLASSIFIED")),
        (401, Verdict("auth", "NONE")),
        (403, Verdict("auth", "NONE")),
        (404, Verdict("permanent", "UNCLASSIFIED")),
        (408, Verdict("ambiguous", "NONE")),
        (409, Verdict("ambiguous", "NONE")),
        (422, Verdict("permanent", "UNCLASSIFIED")),
        (429, Verdict("throttled", "NONE")),
        (500, Verdict("ambiguous", "NONE")),
        (503, Verdict("ambiguous", "NONE")),
        (599, Verdict("ambiguous", "NONE")),
    ],
)
def test_what_no_row_knows_is_asked_for_or_shown_to_a_person(status, verdict):
    assert table().verdict(ErpAnswer(status)) == verdict


@given(st.integers(), st.text(), st.text())
def test_every_answer_has_a_verdict_and_no_server_error_is_a_definite_no(status, code, text):
    verdict = table().verdict(ErpAnswer(status, code, text))
    assert verdict.kind in {"ambiguous", "permanent", "auth", "throttled", "transient"}
    if not 400 <= status < 500:
        assert verdict.kind == "ambiguous"


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"kind": "business"}, "business and permanent say why"),
        ({"kind": "throttled", "reason": "PERIOD_CLOSED"}, "business and permanent say why"),
        ({"kind": "transient", "status": "40"}, "status '40'"),
        ({"kind": "transient", "code_pattern": "("}, "no regular expression"),
        ({"kind": "transient", "code": "A", "code_pattern": "A"}, "keep one"),
        ({"kind": "sometimes"}, "sometimes"),
        ({"kind": "transient", "colour": "red"}, "colour"),
    ],
)
def test_a_table_that_cannot_be_meant_says_what_is_wrong(row, said):
    with pytest.raises(ErrorTableWrong, match="row") as wrong:
        table(row)
    assert said in str(wrong.value)


def test_a_refusal_carries_the_erps_own_words_cut_and_the_wait_that_it_asks_for():
    answer = ErpAnswer(429, "", "x" * 900, {"retry-after": "7"})
    refused = table().refused(answer, table().verdict(answer), NOON)
    assert (refused.kind, refused.code, len(refused.text)) == ("throttled", "429", TEXT_CHARACTERS_MAX)
    assert refused.retry_after_ms == 7000


@pytest.mark.parametrize(
    ("value", "wait"),
    [
        (None, None),
        ("", None),
        ("soon", None),
        ("-1", None),
        ("0", 0),
        (" 12 ", 12_000),
        ("99999999", 3_600_000),
        ("9" * 8000, 3_600_000),
        ("Sun, 06 Nov 1994 08:49:37 GMT", 0),
        ("Sun, 06 Nov 1994 08:50:37 GMT", 60_000),
        ("Sun, 06 Nov 1994 08:40:00 GMT", 0),
    ],
)
def test_retry_after_is_seconds_or_a_date_and_never_more_than_an_hour(value, wait):
    assert retry_after_ms(value, NOON) == wait
