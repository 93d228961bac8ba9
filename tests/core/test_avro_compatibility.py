"""Goal: no release can break a reader. Method: new versions with one change each, judged by Apache's Avro."""

import copy
import dataclasses

import pytest

from tieout.avro.compatibility import check, release, unreleased
from tieout.avro.loading import RecordFile, lock_text, read_lock
from tieout.streams.operate.apache_avro import ApacheJudge

NAME = "tieout.events.PaymentReceived"
OPTIONAL = {
    "name": "bank",
    "type": ["null", {"type": "string", "pii": "none", "maxLength": 9}],
    "default": None,
}


@pytest.fixture(scope="module")
def judge():
    return ApacheJudge()


def with_version(files, version, change):
    """The files with another version of the payment, which is the first one with ``change`` done to its fields."""
    one = files.records[NAME, 1]
    schema = copy.deepcopy(dict(one.schema))
    change(schema["fields"])
    file = one.file.replace(".v1.", f".v{version}.")
    added = RecordFile(NAME, version, file, one.uses, schema)
    return dataclasses.replace(files, records={**files.records, (NAME, version): added})


def findings(files, judge, change):
    return [finding.rule for finding in check(with_version(files, 2, change), judge)]


def field(fields, name):
    return next(entry for entry in fields if entry["name"] == name)


def test_the_packaged_language_is_compatible_with_itself(files, judge):
    assert check(files, judge) == ()


def test_a_new_nullable_field_may_come_and_go(files, judge):
    assert findings(files, judge, lambda fields: fields.append(OPTIONAL)) == []


@pytest.mark.parametrize(
    "change",
    [
        lambda fields: fields.append({"name": "fee_minor", "type": "long"}),
        lambda fields: fields.remove(field(fields, "amount_minor")),
        lambda fields: field(fields, "amount_minor").update(name="sum_minor"),
        lambda fields: field(fields, "amount_minor").update(type="int"),
        lambda fields: field(fields, "currency").update(type="long"),
        lambda fields: field(fields, "currency").update(type=["null", "string"]),
        lambda fields: field(fields, "invoice_number").update(type="string"),
    ],
    ids=["without default", "removed", "renamed", "narrowed", "retyped", "made nullable", "made required"],
)
def test_a_change_that_one_side_cannot_read_is_found(files, judge, change):
    assert "compatibility" in findings(files, judge, change)


@pytest.mark.parametrize(
    "added",
    [
        {"name": "final", "type": "boolean", "default": True},
        {"name": "banks", "type": {"type": "array", "items": "long", "maxItems": 9}, "default": []},
    ],
    ids=["flag", "list"],
)
def test_a_new_field_of_an_event_is_null_by_default_or_old_events_would_not_be_their_own_hash(
    files, judge, added
):
    assert findings(files, judge, lambda fields: fields.append(added)) == ["hash"]


def test_a_new_field_inside_a_nested_record_is_found_too_and_what_comes_with_a_new_record_is_not(
    files, judge
):
    whole = {"type": "record", "name": "Bank", "fields": [{"name": "code", "type": "long", "default": 5}]}
    bank = {"name": "bank", "type": ["null", {**whole, "namespace": "tieout.events"}], "default": None}
    assert findings(files, judge, lambda fields: fields.append(bank)) == []
    head = files.records["tieout.events.Envelope", 1]
    schema = copy.deepcopy(dict(head.schema))
    schema["fields"].append({"name": "priority", "type": "long", "default": 0})
    newer = RecordFile(head.record, 2, head.file.replace(".v1.", ".v2."), head.uses, schema)
    grown = with_version(files, 2, list)
    paid = dataclasses.replace(grown.records[NAME, 2], uses={head.record: 2})
    grown = dataclasses.replace(grown, records={**grown.records, (head.record, 2): newer, (NAME, 2): paid})
    found = [(finding.rule, finding.path) for finding in check(grown, judge)]
    assert found == [("hash", "envelope.priority")]


def test_a_limit_of_a_field_never_changes(files, judge):
    def longer(fields):
        field(fields, "currency")["type"]["maxLength"] = 999

    assert findings(files, judge, longer) == ["limits"]


def test_a_released_file_that_changed_is_found_even_where_it_stays_readable(files, judge):
    grown = with_version(files, 1, lambda fields: fields.append(OPTIONAL))
    assert [finding.rule for finding in check(grown, judge)] == ["released"]


def test_a_nested_record_that_changed_is_found_at_every_record_that_uses_it(files, judge):
    key = ("tieout.events.DocumentLine", 1)
    line = files.records[key]
    schema = {**line.schema, "fields": [*line.schema["fields"], OPTIONAL]}
    grown = dataclasses.replace(
        files, records={**files.records, key: dataclasses.replace(line, schema=schema)}
    )
    changed = {finding.file.split("/")[-1] for finding in check(grown, judge)}
    assert changed == {"invoice_posted.v1.avsc", "credit_memo_issued.v1.avsc", "debit_memo_issued.v1.avsc"}


def test_a_version_is_judged_against_every_older_one_not_only_the_last(files, judge):
    renamed = {"name": "bank", "type": ["null", "long"], "default": None}
    files = with_version(files, 2, lambda fields: fields.append(OPTIONAL))
    files = with_version(files, 3, list)
    assert check(files, judge) == ()
    files = with_version(files, 4, lambda fields: fields.append(renamed))
    found = [finding for finding in check(files, judge) if finding.rule == "compatibility"]
    assert {finding.file.split("/")[-1] for finding in found} == {"payment_received.v4.avsc"}
    assert all("version 2" in finding.message for finding in found)


def test_a_missing_version_a_lost_file_and_a_reused_id_are_found(files, judge):
    assert "versions" in [finding.rule for finding in check(with_version(files, 3, list), judge)]
    records = {key: found for key, found in files.records.items() if key != (NAME, 1)}
    lost = dataclasses.replace(files, records=records)
    assert "lock" in [finding.rule for finding in check(lost, judge)]
    first, second, *rest = files.lock
    reused = dataclasses.replace(files, lock=(first, dataclasses.replace(second, id=first.id), *rest))
    assert "lock" in [finding.rule for finding in check(reused, judge)]


def test_a_release_gives_new_files_the_next_ids_and_leaves_the_old_ones(files, judge):
    grown = with_version(files, 2, lambda fields: fields.append(OPTIONAL))
    assert [found.file for found in unreleased(grown)] == ["schemas/events/payment_received.v2.avsc"]
    entries = read_lock(lock_text(release(grown)))
    assert entries[:-1] == files.lock
    assert entries[-1].id == max(entry.id for entry in files.lock) + 1
    released = dataclasses.replace(grown, lock=entries)
    assert check(released, judge) == ()
    assert unreleased(released) == ()
