"""Goal: a snapshot below a cut is the same wherever and whenever it is made; a row's key has one content."""

from __future__ import annotations

import json

import msgspec
import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from tieout.avro.codec import Codec
from tieout.avro.reference import (
    FxRatePublished,
    IntercompanyAgreementPublished,
    PolicyPublished,
    PolicySwitch,
    ProductMapped,
    ReferenceHeader,
    SspPublished,
)
from tieout.streams.edges.reference import (
    BadReferenceLine,
    RowChanged,
    Stored,
    not_there_yet,
    read_reference,
    reference_key,
)
from tieout.streams.reference_feed import ReferenceFeed
from tieout.streams.topics import REFERENCE, topic_table
from tieout.tables.reference import Reference

CODEC = Codec.load()
ROWS = st.builds(
    lambda of, version, item: ProductMapped(
        ReferenceHeader("acme", "product", of, version, 0), of, item, None
    ),
    st.sampled_from("AB"),
    st.integers(1, 2),
    st.sampled_from("xy"),
)


def product(of="A", version=1, item="x"):
    return ProductMapped(ReferenceHeader("acme", "product", of, version, 0), of, item, None)


def fed(rows):
    feed = ReferenceFeed("nowhere", "reference", CODEC, unpacked_bytes_max=1 << 20)
    for offset, row in enumerate(rows):
        feed._take(offset, CODEC.encode(row))
    feed._read_through = len(rows)
    return feed


def test_no_row_of_the_reference_topic_is_ever_deleted_or_compacted_away():
    (spec,) = (spec for spec in topic_table(1) if spec.name == REFERENCE)
    assert spec.setting("cleanup.policy") == "delete"
    assert (spec.setting("retention.ms"), spec.setting("retention.bytes")) == ("-1", "-1")


@given(st.lists(ROWS, max_size=8))
def test_the_first_row_of_a_key_counts_at_every_cut_behind_it(rows):
    feed = fed(rows)
    for cut in range(len(rows) + 1):
        first = {reference_key(row): row for row in reversed(rows[:cut])}
        for of in "AB":
            of_product = [row for row in first.values() if row.product == of]
            wanted = max(of_product, key=lambda row: row.header.version, default=None)
            assert feed.below(cut).product(of, 1) == wanted


def test_a_second_row_with_other_content_is_said_and_a_repeat_is_not():
    with structlog.testing.capture_logs() as logs:
        fed([product(), product()])
        assert logs == []
        fed([product(), product(), product(item="y")])
    (said,) = logs
    assert (said["log_level"], said["offset"], said["key"]) == ("error", 2, "product/A/1")


@given(st.lists(ROWS, max_size=4), st.lists(ROWS, max_size=6))
def test_what_is_published_never_gives_a_key_a_second_content(before, stated):
    there: dict[bytes, Stored] = {}
    for offset, row in enumerate(before):
        there.setdefault(reference_key(row), Stored(offset, row))
    contents = {key: {stored.row} for key, stored in there.items()}
    for row in stated:
        contents.setdefault(reference_key(row), set()).add(row)
    if any(len(each) > 1 for each in contents.values()):
        with pytest.raises(RowChanged):
            not_there_yet(stated, there)
    else:
        new = not_there_yet(stated, there)
        assert len(new) == len(set(new))
        assert set(new) == {row for row in stated if reference_key(row) not in there}


def test_a_refusal_names_the_row_the_place_and_the_way_out():
    there = {reference_key(product()): Stored(7, product())}
    changed = msgspec.structs.replace(product(), item="y")
    with pytest.raises(RowChanged, match=f"product/A/1 .* offset 7 of {REFERENCE}; .* as the next version"):
        not_there_yet([changed], there)
    with pytest.raises(RowChanged, match="an earlier line"):
        not_there_yet([product(), changed], {})


def header(kind, row_id, version, effective):
    return ReferenceHeader("acme", kind, row_id, version, effective)


def test_a_price_and_a_policy_are_those_in_effect_and_a_pinned_policy_stays():
    rows = [
        SspPublished(header("ssp", "P/EUR", version, effective), "P", "EUR", minor, "month", None, None)
        for version, effective, minor in ((1, 0, 100), (2, 100, 120))
    ]
    rows += [
        PolicyPublished(
            header("policy", "US/ifrs", version, 0), "US", "ifrs", (PolicySwitch("usage", value),), "ann"
        )
        for version, value in ((1, "on_invoice"), (2, "accrue_estimate"))
    ]
    agreement = IntercompanyAgreementPublished(
        header("intercompany_agreement", "US/UK", 1, 50), "US", "UK", None, None, 0
    )
    reference = Reference.of([*rows, agreement], 5)
    prices = [reference.ssp("P", "EUR", day) for day in (-1, 99, 100)]
    assert [price and price.ssp_minor for price in prices] == [None, 100, 120]
    assert reference.ssp("P", "USD", 100) is None
    assert reference.policy("US", "ifrs", 0).switches[0].value == "accrue_estimate"
    assert reference.policy_version("US", "ifrs", 1).switches[0].value == "on_invoice"
    assert reference.policy_version("US", "ifrs", 3) is None
    assert reference.policy("US", "primary", 0) is None
    found = [reference.intercompany("US", "UK", day) for day in (49, 50)]
    assert found == [None, agreement]
    assert reference.intercompany("UK", "US", 50) is None


@given(
    st.lists(st.tuples(st.sampled_from("as"), st.integers(0, 9), st.integers(1, 4), st.integers(1, 99))),
    st.integers(-1, 10),
    st.none() | st.integers(-1, 10),
)
def test_of_rates_the_latest_day_counts_and_of_that_day_the_highest_version(published, day, since):
    of_key = {(kind, dated, version): rate for kind, dated, version, rate in reversed(published)}
    rows = [
        FxRatePublished(header("fx_rate", f"{kind}/{dated}", version, dated), "EUR", "USD", kind, rate, 2)
        for (kind, dated, version), rate in of_key.items()
    ]
    reference = Reference.of(rows, 0)
    for kind in "as":
        fit = [
            key for key in of_key if key[0] == kind and key[1] <= day and (since is None or key[1] >= since)
        ]
        wanted = of_key[max(fit)] if fit else None
        found = reference.rate(("EUR", "USD"), kind, day, since=since)
        assert (found and found.rate) == wanted
    assert reference.rate(("USD", "EUR"), "a", day) is None


def test_prices_rates_policies_and_agreements_are_read_from_a_file(tmp_path):
    file = tmp_path / "rows.jsonl"
    head = {"tenant": "acme", "version": 1, "effective_date": "2025-01-01"}
    rate = {"from_currency": "EUR", "to_currency": "USD", "rate_type": "spot", "rate": 110, "rate_scale": 2}
    said = [
        {"kind": "ssp", "product": "P", "currency": "EUR", "ssp_minor": 100, "ssp_per": "month"},
        {"kind": "fx_rate", **rate},
        {"kind": "policy", "entity": "US", "book": "ifrs", "switches": [], "approver": "ann"},
        {
            "kind": "intercompany_agreement",
            "contracting_entity": "US",
            "performing_entity": "UK",
            "margin_ppm": 0,
        },
    ]
    lines = [{"header": {**head, "kind": row.pop("kind"), "id": "x"}, **row} for row in said]
    file.write_text("\n".join(map(json.dumps, lines)))
    rows = read_reference(file)
    assert [CODEC.decode(CODEC.encode(row)) for row in rows] == rows
    assert Reference.of(rows, 4).rate(("EUR", "USD"), "spot", 20_200).rate == 110
    file.write_text(json.dumps({"header": {**head, "kind": "fx_rate", "id": "x"}, **rate, "rate": 0}))
    with pytest.raises(BadReferenceLine, match="rate: 0 is out of range"):
        read_reference(file)
