"""Goal: every row of a Zuora export ends as part of an event or as a named exception. Method: rows that nobody here
made up, a linked export of ours, one fault at a time, and cells changed by chance."""

import copy
import datetime as dt
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tieout.agents.sources.currencies import minor_units
from tieout.agents.sources.zuora import NOT_USED, USED_TABLES, map_export
from tieout.agents.sources.zuora_envelope import Source
from tieout.agents.sources.zuora_reasons import REASONS
from tieout.avro.canonical import content_hash
from tieout.streams.edges.zuora_export import NotAnExportError, read_export

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures"
REAL = read_export(FIXTURES / "zuora")
LINKED = read_export(FIXTURES / "zuora-linked")
SOURCE = Source("acme", "US", price_is_ssp=True)


def day(text):
    return dt.date.fromisoformat(text).toordinal() - dt.date(1970, 1, 1).toordinal()


def reasons(mapped):
    return {(refused.row.table, refused.row.id): refused.reason for refused in mapped.refused}


def events_of(mapped, contract):
    return [each.event for each in mapped.events if each.event.envelope.contract_id == contract]


def changed(table, row_id, **cells):
    """The linked export with cells of one row replaced."""
    tables = copy.deepcopy(LINKED)
    next(row for _, row in tables[table] if row["id"] == row_id).update(cells)
    return map_export(tables, SOURCE)


def without(table, row_id):
    tables = {**LINKED, table: [row for row in LINKED[table] if row[1]["id"] != row_id]}
    return map_export(tables, SOURCE)


def test_rows_that_nobody_here_made_up_all_end_as_exceptions_with_a_reason():
    mapped = map_export(REAL, SOURCE)
    assert mapped.read == {
        "subscription": 5,
        "amendment": 6,
        "rate_plan_charge": 5,
        "invoice": 5,
        "invoice_item": 6,
    }
    assert mapped.events == ()
    assert Counter((refused.row.table, refused.reason) for refused in mapped.refused) == {
        ("subscription", "NOT_ACTIVE"): 1,
        ("subscription", "TERM_OPEN_ENDED"): 2,
        ("subscription", "DELETED_IN_SOURCE"): 2,
        ("amendment", "SUBSCRIPTION_MISSING"): 4,
        ("amendment", "NEW_VERSION_MISSING"): 2,
        ("rate_plan_charge", "DELETED_IN_SOURCE"): 1,
        ("rate_plan_charge", "SUBSCRIPTION_MISSING"): 4,
        ("invoice", "BLOCKED"): 5,
        ("invoice_item", "SUBSCRIPTION_MISSING"): 6,
    }


def test_tables_that_no_event_needs_are_counted():
    mapped = map_export(REAL, SOURCE)
    assert set(mapped.unused) == set(NOT_USED)
    assert sum(mapped.unused.values()) == 76
    assert sum(mapped.unused.values()) + sum(mapped.read.values()) == sum(len(rows) for rows in REAL.values())


def test_the_linked_export_becomes_events_row_by_row():
    mapped = map_export(LINKED, SOURCE)
    assert mapped.refused == ()
    assert Counter(each.event.EVENT_TYPE for each in mapped.events) == {
        "contract_activated": 4,
        "contract_amended": 2,
        "contract_renewed": 1,
        "contract_cancelled": 1,
        "invoice_posted": 8,
        "usage_rated": 2,
    }
    rows = Counter(row.table for row in {row for each in mapped.events for row in each.rows})
    assert rows == {
        "subscription": 8,
        "amendment": 4,
        "rate_plan_charge": 13,
        "invoice": 8,
        "invoice_item": 10,
    }
    assert all(each.event.envelope.content_hash == content_hash(each.event) for each in mapped.events)


def test_a_subscription_with_its_amendments_says_the_same_as_its_charges():
    activated, amended, renewed, *documents = events_of(map_export(LINKED, SOURCE), "A-S10000001")
    assert (activated.price_minor, activated.start_date, activated.end_date) == (
        1_200_000,
        day("2025-01-01"),
        day("2025-12-31"),
    )
    assert (amended.price_change_minor, [line.po for line in amended.add], amended.change) == (
        120_000,
        ["C-1002"],
        (),
    )
    assert amended.add[0].from_date == day("2025-07-01") == amended.envelope.effective_date
    assert amended.approved_date == day("2025-06-20")
    assert (renewed.base_version, renewed.envelope.object_version, renewed.price_minor) == (2, 3, 1_440_000)
    assert [(line.po, line.price_minor, line.from_date) for line in renewed.lines] == [
        ("C-1001@3", 1_200_000, day("2026-01-01")),
        ("C-1002@3", 240_000, day("2026-01-01")),
    ]
    assert [line.po for line in documents[-1].lines] == ["C-1001@3", "C-1002@3"]


def test_one_more_seat_is_a_change_of_its_charge():
    _, amended, *_ = events_of(map_export(LINKED, SOURCE), "A-S10000002")
    (change,) = amended.change
    assert (change.po, change.quantity, change.to_date, change.price_change_minor) == (
        "C-2001",
        5,
        None,
        60_000,
    )
    assert amended.price_change_minor == 60_000


def test_a_cancellation_takes_back_what_is_no_longer_owed():
    _, cancelled, *_ = events_of(map_export(LINKED, SOURCE), "A-S10000004")
    assert (cancelled.price_change_minor, cancelled.access_end_date) == (-120_000, day("2025-08-31"))


def test_usage_items_are_rated_usage_of_their_charge_and_part_of_the_invoice():
    usages = [
        e for e in events_of(map_export(LINKED, SOURCE), "A-S10000002") if e.EVENT_TYPE == "usage_rated"
    ]
    assert [(u.meter, u.amount_minor, u.quantity, u.quantity_scale, u.usage_to) for u in usages] == [
        ("C-2002", 18_750, 12_505, 1, day("2025-02-28")),
        ("C-2002", 9_000, 600, 0, day("2025-07-31")),
    ]


def test_an_invoice_of_two_contracts_arrives_once_in_each_as_a_part():
    tables = copy.deepcopy(LINKED)
    invoice = next(row for _, row in tables["invoice"] if row["id"] == "inv-INV10000007")
    invoice.update(amount_without_tax="7200.00", tax_amount="594.00")
    next(row for _, row in tables["invoice_item"] if row["id"] == "item-INV10000008-1").update(
        invoice_id=invoice["id"]
    )
    mapped = map_export(tables, SOURCE)
    assert reasons(mapped) == {("invoice", "inv-INV10000008"): "ITEMS_MISSING"}
    parts = [e.event for e in mapped.events if getattr(e.event, "part_count", 1) == 2]
    assert [(p.envelope.contract_id, p.part_number, p.amount_minor) for p in parts] == [
        ("A-S10000003", 1, 600_000),
        ("A-S10000004", 2, 120_000),
    ]
    assert {part.document_total_minor for part in parts} == {779_400}


def test_without_word_on_stand_alone_prices_none_is_made_up():
    lines = map_export(LINKED, Source("acme", "US")).events[0].event.lines
    assert [line.ssp_minor for line in lines] == [None]


@pytest.mark.parametrize(
    ("table", "row", "cells", "reason"),
    [
        ("subscription", "sub-1-v1", {"status": "Draft"}, "NOT_ACTIVE"),
        ("subscription", "sub-1-v1", {"account_id": ""}, "CUSTOMER_MISSING"),
        ("subscription", "sub-1-v1", {"term_end_date": ""}, "TERM_OPEN_ENDED"),
        ("subscription", "sub-1-v1", {"term_end_date": "2024-01-01"}, "DATES_INVALID"),
        ("subscription", "sub-1-v1", {"term_end_date": "soon"}, "ROW_UNREADABLE"),
        ("subscription", "sub-1-v1", {"_fivetran_deleted": "TRUE"}, "DELETED_IN_SOURCE"),
        ("subscription", "sub-1-v1", {"name": "x" * 300}, "ROW_UNREADABLE"),
        ("subscription", "sub-1-v1", {"name": "a\x1fb"}, "ROW_UNREADABLE"),
        ("subscription", "sub-1-v2", {"version": "3"}, "PREVIOUS_VERSION_MISSING"),
        ("subscription", "sub-1-v2", {"subscription_version_amendment_id": ""}, "AMENDMENT_MISSING"),
        ("amendment", "am-1-v2", {"type": "OwnerTransfer"}, "AMENDMENT_UNSUPPORTED"),
        ("amendment", "am-1-v2", {"status": "Draft"}, "NOT_ACTIVE"),
        ("amendment", "am-1-v2", {"contract_effective_date": ""}, "DATES_INVALID"),
        ("amendment", "am-1-v2", {"subscription_id": "nobody"}, "SUBSCRIPTION_MISSING"),
        ("rate_plan_charge", "ch-C-1001-v1-s1", {"charge_type": "OneTime"}, "CHARGE_UNSUPPORTED"),
        ("rate_plan_charge", "ch-C-1001-v1-s1", {"tcv": "1e9"}, "ROW_UNREADABLE"),
        ("rate_plan_charge", "ch-C-1001-v1-s1", {"tcv": "0.001"}, "ROW_UNREADABLE"),
        ("rate_plan_charge", "ch-C-1001-v1-s1", {"transaction_currency": "XXX"}, "ROW_UNREADABLE"),
        ("rate_plan_charge", "ch-C-1001-v1-s1", {"effective_end_date": ""}, "DATES_INVALID"),
        ("rate_plan_charge", "ch-C-2002-v1-s1", {"transaction_currency": "USD"}, "CURRENCY_MIXED"),
        ("invoice", "inv-INV10000001", {"status": "Draft"}, "NOT_POSTED"),
        ("invoice", "inv-INV10000001", {"amount_without_tax": "11999.99"}, "AMOUNT_MISMATCH"),
        ("invoice_item", "item-INV10000001-1", {"transaction_currency": "EUR"}, "CURRENCY_MIXED"),
        ("invoice_item", "item-INV10000001-1", {"rate_plan_charge_id": "nobody"}, "CHARGE_MISSING"),
        ("invoice_item", "item-INV10000001-1", {"subscription_id": "nobody"}, "SUBSCRIPTION_MISSING"),
        ("invoice_item", "item-INV10000001-1", {"invoice_id": "nobody"}, "INVOICE_MISSING"),
        ("invoice_item", "item-INV10000001-1", {"service_end_date": "2020-01-01"}, "DATES_INVALID"),
    ],
)  # fmt: skip
def test_the_row_at_fault_carries_the_reason_and_what_hangs_on_it_names_the_row(table, row, cells, reason):
    mapped = changed(table, row, **cells)
    found = reasons(mapped)
    assert found[table, row] == reason
    assert set(found.values()) <= set(REASONS)
    assert {contract for each in mapped.events if (contract := each.event.envelope.contract_id)} >= {
        "A-S10000003",
        "A-S10000004",
    }


def test_a_refused_version_blocks_the_later_ones_and_their_invoices_but_not_other_contracts():
    mapped = changed("amendment", "am-1-v2", type="OwnerTransfer")
    found = reasons(mapped)
    assert {key for key, reason in found.items() if reason == "BLOCKED"} == {
        ("subscription", "sub-1-v2"),
        ("subscription", "sub-1-v3"),
        ("amendment", "am-1-v3"),
        ("rate_plan_charge", "ch-C-1001-v2-s1"),
        ("rate_plan_charge", "ch-C-1002-v2-s1"),
        ("rate_plan_charge", "ch-C-1001-v3-s1"),
        ("rate_plan_charge", "ch-C-1002-v3-s1"),
        ("invoice", "inv-INV10000002"),
        ("invoice_item", "item-INV10000002-1"),
        ("invoice", "inv-INV10000003"),
        ("invoice_item", "item-INV10000003-1"),
        ("invoice_item", "item-INV10000003-2"),
    }
    assert [event.EVENT_TYPE for event in events_of(mapped, "A-S10000001")] == [
        "contract_activated",
        "invoice_posted",
    ]


@pytest.mark.parametrize(("table", "row"), [(t, r["id"]) for t in USED_TABLES for _, r in LINKED[t]], ids=str)
def test_any_row_may_be_missing_and_the_rest_is_still_accounted_for(table, row):
    mapped = without(table, row)
    told = {each for event in mapped.events for each in event.rows}
    assert len(told) + len(mapped.refused) == 42


def test_a_repeated_row_is_told_once():
    tables = {**LINKED, "invoice": [*LINKED["invoice"], (99, LINKED["invoice"][0][1])]}
    assert reasons(map_export(tables, SOURCE)) == {("invoice", "inv-INV10000001"): "ROW_REPEATED"}


def test_two_rows_that_claim_to_be_the_same_version_are_told_once_and_refused_once():
    twin = next(row for _, row in LINKED["subscription"] if row["id"] == "sub-4-v2") | {"id": "sub-4-twin"}
    mapped = map_export({**LINKED, "subscription": [*LINKED["subscription"], (99, twin)]}, SOURCE)
    assert reasons(mapped) == {("subscription", "sub-4-twin"): "PREVIOUS_VERSION_MISSING"}


CELLS = [(t, line, column) for t in USED_TABLES for line, row in LINKED[t] for column in row if row[column]]
VALUES = [
    *sorted({row[column] for table in USED_TABLES for _, row in LINKED[table] for column in row}),
    "9" * 30, "-1", "NaN", "1e400", "0001-01-01", "9999-12-31", "\ud7ff", "x" * 300, "\x00", "2025-02-30", "0.5",
]  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(CELLS), st.sampled_from(VALUES)), min_size=1, max_size=8))
def test_whatever_the_cells_say_no_row_is_lost_and_no_event_breaks_the_language(codec, changes):
    tables = copy.deepcopy(LINKED)
    for (table, line, column), value in changes:
        next(row for number, row in tables[table] if number == line)[column] = value
    mapped = map_export(tables, SOURCE)
    told = {each for event in mapped.events for each in event.rows}
    assert len(told) + len(mapped.refused) == 43
    for each in mapped.events:
        assert codec.decode(codec.encode(each.event)) == each.event
    for refused in mapped.refused:
        item = refused.item("acme")
        assert item is None or codec.decode(codec.encode(item)) == item


def test_an_exception_is_publishable_where_the_contract_is_known_and_always_has_the_same_id(codec):
    mapped = map_export(REAL, SOURCE)
    items = [item for refused in mapped.refused if (item := refused.item("acme")) is not None]
    assert {(item.code, item.group_id) for item in items} == {
        ("NOT_ACTIVE", "A-S00000019"),
        ("NEW_VERSION_MISSING", "A-S00000019"),
        ("TERM_OPEN_ENDED", "A-S00000011"),
        ("TERM_OPEN_ENDED", "A-S00000013"),
    }
    again = [item for refused in map_export(REAL, SOURCE).refused if (item := refused.item("acme"))]
    assert [item.exception_id for item in again] == [item.exception_id for item in items]
    assert len({item.exception_id for item in items}) == len(items) == 5


def test_the_same_export_gives_the_same_events():
    assert map_export(LINKED, SOURCE) == map_export(copy.deepcopy(LINKED), SOURCE)


@pytest.mark.parametrize(
    ("text", "currency", "minor"),
    [("70.36", "USD", 7036), ("570860", "JPY", 570860), ("1.234", "KWD", 1234), ("-5", "EUR", -500), ("0.10", "EUR", 10),
     ("5.00", "JPY", 5), ("12.", "USD", 1200)],
)  # fmt: skip
def test_major_units_become_exact_minor_units(text, currency, minor):
    assert minor_units(text, currency) == minor


@pytest.mark.parametrize(
    ("text", "currency"),
    [("1.5", "JPY"), ("1.005", "USD"), ("1", "XBT"), ("", "USD"), ("1e2", "USD"), ("NaN", "USD"), ("1,5", "EUR"), ("٣", "USD")],
)  # fmt: skip
def test_an_amount_without_minor_units_is_refused(text, currency):
    with pytest.raises(ValueError, match=r"\S"):
        minor_units(text, currency)


def test_a_folder_that_is_no_export_is_named(tmp_path):
    with pytest.raises(NotAnExportError, match=r"zuora_subscription_data\.csv"):
        read_export(tmp_path)
    for table in USED_TABLES:
        (tmp_path / f"zuora_{table}_data.csv").write_text("id\n1\n")
    (tmp_path / "zuora_invoice_data.csv").write_bytes(b"id\n\xff\n")
    with pytest.raises(NotAnExportError, match=r"zuora_invoice_data\.csv is no CSV"):
        read_export(tmp_path)


def test_an_export_without_the_columns_ends_as_exceptions_not_as_an_error(tmp_path):
    for table in USED_TABLES:
        (tmp_path / f"{table}.csv").write_text("id,extra\n1,2\n,\n1,2,3\n")
    mapped = map_export(read_export(tmp_path), SOURCE)
    assert Counter(refused.reason for refused in mapped.refused) == {"ROW_UNREADABLE": 10, "ROW_REPEATED": 5}
