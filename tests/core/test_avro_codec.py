"""Goal: what is written is what is read, for every record. Method: Hypothesis over the schemas' own bounds."""

import dataclasses
import struct
import typing

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tieout.avro import control, events
from tieout.avro.catalogue import RECORDS
from tieout.avro.codec import MAX_VALUE_BYTES, Codec, Undecodable, Unencodable
from tieout.avro.fastavro_codec import FastavroRecords
from tieout.avro.loading import LockedSchema, RecordFile, fingerprint
from tieout.avro.shapes import shape_of

FEW = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@pytest.mark.parametrize("record", sorted(RECORDS))
def test_any_record_comes_back_as_it_went(codec, any_record, record):
    @FEW
    @given(any_record(record))
    def check(message):
        value = codec.encode(message)
        assert codec.decode(value) == message
        assert struct.unpack_from(">BI", value) == (0, codec.schema_id(type(message)))
        assert codec.record_of(codec.schema_id(type(message))) == record

    check()


def tick(written_at=1_735_689_600_000_000):
    return control.Tick(written_at=written_at)


def test_dates_and_times_stay_integers(codec):
    assert codec.decode(codec.encode(tick(5))).written_at == 5


def test_an_object_that_is_no_record_cannot_be_written(codec):
    with pytest.raises(Unencodable, match="SspNow is not a record of the catalogue"):
        codec.encode(events.SspNow(po="A", ssp_minor=1))


def test_a_record_that_does_not_fit_its_schema_is_named(codec):
    with pytest.raises(Unencodable, match="Tick does not fit"):
        codec.encode(tick("now"))
    with pytest.raises(Unencodable, match="Tick does not fit"):
        codec.encode(tick(2**70))


def test_a_record_larger_than_the_limit_cannot_be_written(codec):
    item = events.MilestoneCompleted(
        envelope=envelope(), po="A", milestone="x" * MAX_VALUE_BYTES, percent_ppm=None
    )
    with pytest.raises(Unencodable, match="bytes of at most"):
        codec.encode(item)


def envelope(event_type="milestone_completed"):
    return events.Envelope(
        event_id="e", event_type=event_type, source="crm", object_type="milestone", object_id="M1", object_version=1,
        tenant="t", group_id="G", contract_id="C", legal_entity="US", occurred_at=0, effective_date=0, recorded_at=0,
        correlation_id="", causation_id="", actor="", approval_ref=None, content_hash=bytes(16),
    )  # fmt: skip


def framed_as(schema_id):
    return struct.pack(">BI", 0, schema_id)


def milestone(**changes):
    event = events.MilestoneCompleted(envelope=envelope(), po="A", milestone="go-live", percent_ppm=None)
    return msgspec.structs.replace(event, **changes)


MILESTONE = "tieout.events.MilestoneCompleted"
CERTIFIER = {
    "name": "certifier",
    "type": ["null", {"type": "string", "pii": "none", "maxLength": 9}],
    "default": None,
}


@pytest.fixture
def grown(files, monkeypatch):
    """The language after a release that gave milestones one more field, in its schema and in its class."""
    one = files.records[MILESTONE, 1]
    schema = {**one.schema, "fields": [*one.schema["fields"], CERTIFIER]}
    two = RecordFile(MILESTONE, 2, one.file.replace(".v1.", ".v2."), one.uses, schema)
    files = dataclasses.replace(files, records={**files.records, (MILESTONE, 2): two})
    entry = LockedSchema(900, MILESTONE, 2, two.file, fingerprint(files.resolve(MILESTONE, 2)))
    text = typing.Annotated[str, msgspec.Meta(max_length=9)] | None
    kind = msgspec.defstruct(
        "MilestoneCompleted", [("certifier", text)], bases=(events.MilestoneCompleted,), frozen=True, gc=False
    )
    monkeypatch.setitem(RECORDS_NOW, MILESTONE, dataclasses.replace(RECORDS[MILESTONE], struct=kind))
    monkeypatch.setattr("tieout.avro.codec.RECORDS", RECORDS_NOW)
    return dataclasses.replace(files, lock=(*files.lock, entry)), kind


RECORDS_NOW = dict(RECORDS)


def test_bytes_of_an_older_release_are_read_by_a_newer_one_with_the_default_of_what_they_lack(codec, grown):
    files, kind = grown
    newer = Codec(files, codec.implementation)
    older = milestone(percent_ppm=7)
    assert newer.decode(codec.encode(older)) == kind(*msgspec.structs.astuple(older), None)
    assert newer.schema_id(kind) == 900


def test_a_release_writes_the_newest_version_of_its_records(codec, grown):
    files, kind = grown
    newer = Codec(files, codec.implementation)
    message = kind(*msgspec.structs.astuple(milestone()), "TUV")
    value = newer.encode(message)
    assert framed_as(900) == value[:5]
    assert newer.decode(value) == message


def test_bytes_of_a_newer_release_are_unknown_until_this_one_has_the_schema(codec):
    value = framed_as(900) + codec.encode(milestone())[5:]
    with pytest.raises(Undecodable) as caught:
        codec.decode(value)
    assert (caught.value.reason, caught.value.schema_id) == ("unknown_schema", 900)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "tombstone"),
        (b"", "empty"),
        (b"\x00\x00\x00", "truncated"),
        (b"\x01\x00\x00\x00\x64", "bad_magic"),
        (b"{}", "bad_magic"),
        (b"\x00\x00\x00\x00\x01", "unknown_schema"),
        (b"\x00" * (MAX_VALUE_BYTES + 1), "oversized"),
    ],
)
def test_a_value_that_is_no_record_has_a_named_reason(codec, value, reason):
    with pytest.raises(Undecodable) as caught:
        codec.decode(value)
    assert caught.value.reason == reason


def test_a_value_over_the_limit_is_not_looked_into_even_where_its_schema_is_known(codec):
    value = codec.encode(milestone())
    with pytest.raises(Undecodable) as caught:
        codec.decode(value + b"\x00" * (MAX_VALUE_BYTES + 1 - len(value)))
    assert caught.value.reason == "oversized"


def test_a_refusal_names_the_schema_that_the_value_claimed_to_have(codec):
    value = codec.encode(milestone())
    for damaged in (value[:-1], value + b"\x00"):
        with pytest.raises(Undecodable) as caught:
            codec.decode(damaged)
        assert caught.value.schema_id == codec.schema_id(events.MilestoneCompleted)


def test_every_record_goes_through_the_implementation_that_the_codec_names(codec):
    current = {codec.schema_id(kind.struct) for kind in RECORDS.values()}
    kinds = {type(writing.codec).__name__ for writing in codec._writings.values()}
    kinds |= {type(each.codec).__name__ for each in codec._readings.values() if each.schema_id in current}
    assert kinds == {{"compiled": "CompiledRecords", "fastavro": "FastavroRecords"}[codec.implementation]}
    older = [each.codec for each in codec._readings.values() if each.schema_id not in current]
    assert {type(each).__name__ for each in older} == {"FastavroRecords"}


@pytest.mark.parametrize(
    "changed",
    [
        milestone(po="x" * 257),
        milestone(envelope=msgspec.structs.replace(envelope(), tenant="")),
        milestone(envelope=msgspec.structs.replace(envelope(), effective_date=3_000_000)),
        milestone(envelope=msgspec.structs.replace(envelope(), object_version=-1)),
        milestone(envelope=envelope("contract_activated")),
        events.GoodsDelivered(envelope=envelope("goods_delivered"), po="A", quantity=1, quantity_scale=400),
        events.GoodsDelivered(
            envelope=envelope("goods_delivered"), po="A", quantity=10**17, quantity_scale=0
        ),
    ],
    ids=["text", "empty tenant", "date", "version", "another type", "scale", "quantity"],
)
def test_a_record_outside_the_bounds_of_its_schema_is_malformed(codec, changed):
    with pytest.raises(Undecodable) as caught:
        codec.decode(codec.encode(changed))
    assert caught.value.reason == "malformed"


def too_long(event, beyond):
    """The event with a list beyond its limit: (nested in an item, at the top), each with its field and limit."""
    names = ("p",) * (200 + beyond)
    yield msgspec.structs.replace(event, bundles=(events.Bundle(pos=names, price_minor=1),)), "pos", 200
    bundle = events.Bundle(pos=(), price_minor=1)
    yield msgspec.structs.replace(event, bundles=(bundle,) * (50 + beyond)), "bundles", 50


def written_without_limits(codec, files, message):
    """The bytes that a writer without our limits would make."""
    schema = files.resolve(RECORDS_OF[type(message)], 1)
    records = FastavroRecords(schema, type(message), shape_of(schema, type(message)))
    records._limits = None
    return records.encode(message, framed_as(codec.schema_id(type(message))))


RECORDS_OF = {kind.struct: name for name, kind in RECORDS.items()}
FEWEST = settings(max_examples=3, deadline=None)


def test_a_list_longer_than_its_limit_is_refused_at_any_depth(codec, any_record, files):
    @FEWEST
    @given(any_record("tieout.events.ContractActivated", most=1), st.integers(1, 3))
    def check(event, beyond):
        for message, _, limit in too_long(event, beyond):
            with pytest.raises(Undecodable, match=f"at most {limit}") as caught:
                codec.decode(written_without_limits(codec, files, message))
            assert caught.value.reason == "too_many_items"

    check()


def test_a_list_longer_than_its_limit_cannot_be_written_and_is_named(codec, any_record):
    @FEWEST
    @given(any_record("tieout.events.ContractActivated", most=1), st.integers(1, 3))
    def check(event, beyond):
        for message, name, limit in too_long(event, beyond):
            with pytest.raises(Unencodable, match=f"{name} has {limit + beyond} items, at most {limit}"):
                codec.encode(message)

    check()


RECORDS_WITH_A_LIST = sorted(
    name
    for name, kind in RECORDS.items()
    if any("tuple[" in str(spec) for spec in kind.struct.__annotations__.values())
)


@pytest.mark.parametrize("record", RECORDS_WITH_A_LIST)
def test_every_list_of_every_record_is_written_to_its_limit_and_not_beyond(codec, any_record, files, record):
    schema = files.resolve(record, files.locked(record)[-1].version)
    lists = [
        (spec["name"], kind["maxItems"])
        for spec in schema["fields"]
        for kind in (spec["type"] if isinstance(spec["type"], list) else [spec["type"]])
        if isinstance(kind, dict) and kind["type"] == "array"
    ]
    assert lists

    @FEWEST
    @given(any_record(record, least=1, most=1))
    def check(message):
        for name, limit in lists:
            items = getattr(message, name)[:1]
            full = msgspec.structs.replace(message, **{name: items * limit})
            assert codec.decode(codec.encode(full)) == full
            with pytest.raises(Unencodable, match=f"{name} has {limit + 1} items, at most {limit}"):
                codec.encode(msgspec.structs.replace(message, **{name: items * (limit + 1)}))

    check()


def test_the_message_of_a_refusal_names_no_content(codec):
    with pytest.raises(Undecodable) as caught:
        codec.decode(
            codec.encode(milestone(envelope=msgspec.structs.replace(envelope(), actor="jo@" + "x" * 300)))
        )
    assert "jo@" not in caught.value.detail
    assert "envelope.actor" in caught.value.detail
