"""Every packaged profile can be read, says where it was tried, and gives a vendor's answers the verdicts that are meant."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from tieout.agents.posting.error_table import ErpAnswer
from tieout.streams.edges.erp import profile_files
from tieout.streams.edges.erp.profile_files import ProfileRefused, error_table, load_profile, profile_names
from tieout.streams.edges.erp.rest import RestErp
from tieout.streams.edges.erp.standin import EVERY_KIND

FOLDER = Path(profile_files.__file__).parent / "profiles"
VENDORS = ("business_central", "dynamics_365_finance", "netsuite", "oracle_fusion", "s4hana")


def test_there_is_a_profile_of_each_vendor():
    assert {*VENDORS, "standin"} <= set(profile_names())


@pytest.mark.parametrize("name", VENDORS)
def test_a_profile_can_be_read_and_says_what_it_was_tried_against(name):
    profile = load_profile(name)
    assert (profile.name, bool(profile.tried), bool(profile.errors)) == (name, True, True)
    assert re.search("TRIED ONLY\n?# ?AGAINST|TRIED ONLY AGAINST", (FOLDER / f"{name}.toml").read_text())


@pytest.mark.parametrize("name", ["netsuite", "business_central"])
def test_a_full_profile_has_every_kind_of_command(name):
    assert load_profile(name).kinds.keys() == EVERY_KIND


CASES = [
    ("netsuite", 400, "SSS_REQUEST_LIMIT_EXCEEDED", "", "throttled", "NONE"),
    ("netsuite", 400, "IDEMPOTENCY_ERROR", "", "duplicate", "NONE"),
    ("netsuite", 400, "DUP_RCRD", "", "duplicate", "NONE"),
    ("netsuite", 400, "USER_ERROR", "This entity already exists.", "duplicate", "NONE"),
    ("netsuite", 400, "TRAN_PERIOD_CLOSED", "", "business", "PERIOD_CLOSED"),
    ("netsuite", 400, "USER_ERROR", "The posting period is locked.", "business", "PERIOD_CLOSED"),
    ("netsuite", 400, "INVALID_KEY_OR_REF", "", "business", "REFERENCE_MISSING"),
    (
        "netsuite",
        400,
        "INVALID_CONTENT",
        "You have entered an Invalid Field Value 9",
        "business",
        "REFERENCE_MISSING",
    ),
    ("netsuite", 400, "NEW_CODE", "nobody knows", "permanent", "UNCLASSIFIED"),
    ("netsuite", 401, "INVALID_LOGIN", "", "auth", "NONE"),
    ("netsuite", 500, "UNEXPECTED_ERROR", "", "ambiguous", "NONE"),
    ("business_central", 429, "Application_TooManyRequests", "", "throttled", "NONE"),
    ("business_central", 503, "", "", "transient", "NONE"),
    ("business_central", 504, "", "", "ambiguous", "NONE"),
    ("business_central", 401, "Authentication_InvalidCredentials", "", "auth", "NONE"),
    ("business_central", 409, "Request_EntityChanged", "", "transient", "NONE"),
    ("business_central", 400, "Internal_EntityWithSameKeyExists", "", "duplicate", "NONE"),
    (
        "business_central",
        400,
        "Application_DialogException",
        "Posting Date is not within your range of allowed posting dates",
        "business",
        "PERIOD_CLOSED",
    ),
    (
        "business_central",
        400,
        "Application_DialogException",
        "is out of balance by 1",
        "permanent",
        "UNBALANCED",
    ),
    ("dynamics_365_finance", 429, "", "", "throttled", "NONE"),
    ("dynamics_365_finance", 400, "", "Fiscal period 2 is on hold", "business", "PERIOD_CLOSED"),
    (
        "dynamics_365_finance",
        500,
        "",
        "The value 'X' in field 'Account' is not found in the related table",
        "business",
        "REFERENCE_MISSING",
    ),
    ("dynamics_365_finance", 500, "", "Debits and credits do not balance", "permanent", "UNBALANCED"),
    ("dynamics_365_finance", 500, "", "An error has occurred.", "ambiguous", "NONE"),
    ("s4hana", 400, "F5/201", "", "business", "PERIOD_CLOSED"),
    ("s4hana", 400, "F5/702", "", "permanent", "UNBALANCED"),
    ("s4hana", 400, "X", "Customer 4711 does not exist", "business", "REFERENCE_MISSING"),
    ("s4hana", 403, "", "", "auth", "NONE"),
    ("s4hana", 400, "X", "Document 100 already been posted", "duplicate", "NONE"),
    ("oracle_fusion", 400, "EP01", "", "business", "PERIOD_CLOSED"),
    ("oracle_fusion", 400, "EF04", "", "business", "REFERENCE_MISSING"),
    ("oracle_fusion", 400, "EU02", "", "permanent", "UNBALANCED"),
    ("oracle_fusion", 502, "", "", "ambiguous", "NONE"),
]


@pytest.mark.parametrize(("name", "status", "code", "text", "kind", "reason"), CASES)
def test_a_vendors_answer_means_what_its_pages_say(name, status, code, text, kind, reason):
    verdict = error_table(name).verdict(ErpAnswer(status, code, text))
    assert (verdict.kind, verdict.reason) == (kind, reason)


def test_a_missing_csrf_token_of_sap_is_not_a_wrong_password():
    answer = ErpAnswer(403, "", "", {"x-csrf-token": "Required"})
    assert error_table("s4hana").verdict(answer).kind == "transient"


@pytest.mark.parametrize("name", VENDORS)
def test_no_row_of_a_table_is_there_twice(name):
    rows = tomllib.loads((FOLDER / f"{name}.toml").read_text())["errors"]
    assert len({tuple(sorted(row.items())) for row in rows}) == len(rows)


def test_an_unknown_profile_and_a_missing_name_say_what_to_write():
    with pytest.raises(ProfileRefused, match="choose one of business_central"):
        load_profile("no-such-erp")
    with pytest.raises(ProfileRefused, match=r"needs account .*receivable .*internal id"):
        RestErp("http://127.0.0.1:1", load_profile("netsuite"), secret="x")


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("{entry.debit}", "{entry.debt}"),
        ("{line.amount}", "{line.price}"),
        ("{config.account}", "{config.acount}"),
        ('items = "answer.items"', 'items = "answers.items"'),
        ('"answer.o:errorDetails.0.detail"', '"anwser.o:errorDetails.0.detail"'),
        ('completed = "answer.completed"', 'completed = "job.completed"'),
        ("{reversal_kind}", "{reverse_kind}"),
    ],
)
def test_a_name_that_is_misspelt_anywhere_is_refused_and_never_left_out(tmp_path, right, wrong):
    text = (FOLDER / "netsuite.toml").read_text()
    assert right in text
    (tmp_path / "own.toml").write_text(text.replace(right, wrong, 1))
    configuration = {"account": "1", "receivable": "1200"}
    with pytest.raises(ProfileRefused, match="there is no"):
        RestErp(
            "http://127.0.0.1:1",
            load_profile("own.toml", tmp_path),
            secret="a:b:c:d",
            configuration=configuration,
        )
