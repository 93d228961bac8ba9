"""Goal: a snapshot below a cut is the same wherever and whenever it is made; a row's key has one content."""

from __future__ import annotations

import msgspec
import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from tieout.avro.codec import Codec
from tieout.avro.reference import ProductMapped, ReferenceHeader
from tieout.streams.edges.reference import RowChanged, Stored, not_there_yet, reference_key
from tieout.streams.reference_feed import ReferenceFeed
from tieout.streams.topics import REFERENCE, topic_table

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
