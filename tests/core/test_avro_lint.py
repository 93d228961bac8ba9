"""Goal: each rule of the schema lint can fail, and the packaged language passes. Method: break one file at a time."""

import copy
import dataclasses

import pytest

from tieout.avro.lint import lint
from tieout.avro.loading import RecordFile, SchemaError, fingerprint, read_lock, record_file

TICK = ("tieout.control.Tick", 1)
PAYMENT = ("tieout.events.PaymentReceived", 1)


def with_fields(files, key, *fields, **changes):
    """The files with fields appended to one record, or parts of it replaced."""
    found = files.records[key]
    schema = {**copy.deepcopy(dict(found.schema)), **changes}
    schema["fields"] = [*schema["fields"], *fields]
    changed = RecordFile(
        record=f"{schema['namespace']}.{schema['name']}",
        version=found.version,
        file=found.file,
        uses=schema.get("uses", {}),
        schema=schema,
    )
    return dataclasses.replace(files, records={**files.records, key: changed})


def rules(files):
    return {finding.rule for finding in lint(files)}


def test_the_packaged_language_has_no_findings(files):
    assert lint(files) == ()


@pytest.mark.parametrize(
    ("kind", "rule"),
    [
        ("float", "banned_type"),
        ("double", "banned_type"),
        ("bytes", "banned_type"),
        ({"type": "map", "values": "long"}, "banned_type"),
        ({"type": "enum", "name": "E", "symbols": ["A"]}, "banned_type"),
        ({"type": "bytes", "logicalType": "decimal", "precision": 5, "scale": 2}, "decimal"),
        ({"type": "fixed", "name": "Open", "size": 0}, "zero_size"),
        ({"type": "array", "items": "null", "maxItems": 5}, "zero_size"),
        ({"type": "array", "items": ["null", "long"], "maxItems": 5}, "zero_size"),
        ({"type": "array", "items": "long"}, "unbounded"),
        ({"type": "array", "items": "long", "maxItems": 0}, "unbounded"),
        ({"type": "array", "items": "double", "maxItems": 5}, "banned_type"),
        ({"type": "string", "maxLength": 9}, "pii"),
        ({"type": "string", "pii": "maybe", "maxLength": 9}, "pii"),
        ({"type": "string", "pii": "none"}, "unbounded"),
        ({"type": "array", "items": {"type": "string", "maxLength": 9}, "maxItems": 5}, "pii"),
        (["long", "null"], "union"),
        (["null", "long", "int"], "union"),
        ("tieout.events.Line", "resolves"),
    ],
    ids=str,
)
def test_a_type_that_is_not_part_of_the_language_is_found(files, kind, rule):
    field = {"name": "extra", "type": kind}
    if isinstance(kind, list):
        field["default"] = None
    assert rule in rules(with_fields(files, TICK, field))


@pytest.mark.parametrize(
    ("field", "rule"),
    [
        ({"name": "camelCase", "type": "long"}, "names"),
        ({"name": "maybe", "type": ["null", "long"]}, "nullable"),
        ({"name": "price_minor", "type": "int"}, "unit"),
        ({"name": "start_date", "type": "int"}, "unit"),
        ({"name": "paid_at", "type": "long"}, "unit"),
    ],
)
def test_a_field_that_says_too_little_is_found(files, field, rule):
    assert rule in rules(with_fields(files, TICK, field))


def test_a_record_in_the_wrong_file_or_namespace_is_found(files):
    assert "names" in rules(with_fields(files, TICK, name="Tock"))
    assert "names" in rules(with_fields(files, TICK, namespace="tieout.clock"))
    assert "doc" in rules(with_fields(files, TICK, doc=""))


def test_an_event_that_does_not_start_with_the_envelope_is_found(files):
    fields = files.records[PAYMENT].schema["fields"]
    assert "header_first" in rules(with_fields(files, PAYMENT, fields=[*fields[1:], fields[0]]))


def test_a_record_that_contains_itself_is_found_whatever_the_detour(files):
    line = ("tieout.events.DocumentLine", 1)
    circle = with_fields(
        files, line, {"name": "part", "type": "tieout.events.Bundle"}, uses={"tieout.events.Bundle": 1}
    )
    circle = with_fields(
        circle,
        ("tieout.events.Bundle", 1),
        {"name": "line", "type": "tieout.events.DocumentLine"},
        uses={"tieout.events.DocumentLine": 1},
    )
    messages = [finding.message for finding in lint(circle) if finding.rule == "resolves"]
    assert any("contains itself" in message for message in messages)


def test_a_use_that_no_field_names_is_found(files):
    assert "resolves" in rules(with_fields(files, TICK, uses={"tieout.events.Line": 1}))


def test_a_file_that_nothing_uses_is_found(files):
    lock = tuple(entry for entry in files.lock if entry.record != TICK[0])
    assert "unused" in rules(dataclasses.replace(files, lock=lock))


def test_an_empty_record_is_found(files):
    assert "zero_size" in rules(with_fields(files, TICK, fields=[]))


def test_two_versions_of_one_record_cannot_meet_in_one_schema(files):
    cause = files.records["tieout.commands.Cause", 1]
    two = dataclasses.replace(cause, version=2, file=cause.file.replace("v1", "v2"))
    grown = dataclasses.replace(files, records={**files.records, ("tieout.commands.Cause", 2): two})
    both = with_fields(
        grown,
        ("tieout.commands.SalesOrderCancel", 1),
        {"name": "cause", "type": "tieout.commands.Cause"},
        uses={"tieout.commands.CommandHeader": 1, "tieout.commands.Cause": 2},
    )
    with pytest.raises(SchemaError, match="two versions"):
        both.resolve("tieout.commands.SalesOrderCancel", 1)


def test_the_fingerprint_follows_nested_records_and_limits_but_not_words(files):
    name = "tieout.events.PaymentReceived"
    before = fingerprint(files.resolve(name, 1))
    envelope = ("tieout.events.Envelope", 1)
    nested = with_fields(files, envelope, {"name": "extra", "type": "long"})
    assert fingerprint(nested.resolve(name, 1)) != before
    assert fingerprint(with_fields(files, envelope, doc="other words").resolve(name, 1)) == before


def test_an_unreadable_file_or_lock_is_named():
    with pytest.raises(SchemaError, match=r"events/x\.avsc"):
        record_file("schemas/events/x.avsc", "{")
    with pytest.raises(SchemaError, match=r"schemas\.lock\.json"):
        read_lock('{"schemas": [{"id": 1}]}')
