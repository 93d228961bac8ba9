"""Goal: equal content has one hash, whoever made it. Method: a second implementation in plain Python, and vectors."""

import hashlib
import io
import json
import struct

import fastavro
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tieout.avro import canonical, events
from tieout.avro.canonical import canonical_json, content_hash

TRAVEL = {
    "event_id": "other",
    "recorded_at": 5,
    "occurred_at": 5,
    "correlation_id": "other",
    "causation_id": "other",
    "actor": "other",
    "content_hash": bytes(range(16)),
}


@pytest.fixture(autouse=True, params=["compiled", "python"])
def _whoever_writes_the_text(request, monkeypatch):
    """Whatever is true of a hash is true of it with and without the compiled part."""
    if request.param == "python":
        monkeypatch.setattr(canonical, "_compiled", None)
    elif canonical._compiled is None:
        pytest.skip("the compiled canonical text is not installed: this machine had no C compiler")


def payment(**changes):
    envelope = events.Envelope(
        event_id="e-1", event_type="payment_received", source="bank", object_type="payment", object_id="P-1",
        object_version=1, tenant="acme", group_id="G-1", contract_id="C-1", legal_entity="DE",
        occurred_at=1_735_689_600_000_000, effective_date=20_089, recorded_at=1_735_689_601_000_000,
        correlation_id="c", causation_id="", actor="jo", approval_ref=None, content_hash=bytes(16),
    )  # fmt: skip
    event = events.PaymentReceived(envelope, "EUR", 119_000, None)
    own = {key: value for key, value in changes.items() if key in event.__struct_fields__}
    rest = {key: value for key, value in changes.items() if key not in own}
    return msgspec.structs.replace(event, **own, envelope=msgspec.structs.replace(envelope, **rest))


def second_opinion(event):
    """The rules of the module's docstring, written again with the standard library alone."""

    def prune(node):
        if isinstance(node, dict):
            return {key: prune(value) for key, value in node.items() if value is not None}
        return [prune(item) for item in node] if isinstance(node, list | tuple) else node

    plain = msgspec.to_builtins(event, builtin_types=(bytes,))
    for name in TRAVEL:
        del plain["envelope"][name]
    text = json.dumps(prune(plain), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.blake2b(text.encode(), digest_size=16).digest()


def test_the_published_vector_stays():
    text = (
        b'{"amount_minor":119000,"currency":"EUR","envelope":{"contract_id":"C-1","effective_date":20089,'
        b'"event_type":"payment_received","group_id":"G-1","legal_entity":"DE","object_id":"P-1",'
        b'"object_type":"payment","object_version":1,"source":"bank","tenant":"acme"}}'
    )
    assert content_hash(payment()) == hashlib.blake2b(text, digest_size=16).digest()
    assert content_hash(payment()).hex() == "dfa3e84df9d92adc6787c014e6dd1e60"


@pytest.mark.parametrize("name", TRAVEL)
def test_how_a_fact_travelled_is_not_part_of_it(name):
    assert content_hash(payment(**{name: TRAVEL[name]})) == content_hash(payment())


@pytest.mark.parametrize(
    "change",
    [{"amount_minor": 1}, {"currency": "USD"}, {"invoice_number": "I-1"}, {"tenant": "b"}, {"effective_date": 1},
     {"approval_ref": "a"}, {"object_version": 2}, {"contract_id": "C-2"}],
    ids=str,
)  # fmt: skip
def test_whatever_a_fact_says_is_part_of_its_hash(change):
    assert content_hash(payment(**change)) != content_hash(payment())


@pytest.mark.parametrize(
    "record", ["ContractActivated", "ContractAmended", "InvoicePosted", "GoodsDelivered"]
)
def test_a_second_implementation_finds_the_same_hash(any_record, record):
    @settings(max_examples=40, deadline=None)
    @given(any_record(f"tieout.events.{record}"))
    def check(event):
        assert content_hash(event) == second_opinion(event)

    check()


ODD = [
    "".join(map(chr, range(128))),
    "\x7f\x80\u07ff\u0800\u2028\ufffd\uffff\U00010000\U0010ffff",
    '"',
    "\\\\",
    "",
    "a\0",
    "\x1f" * 300,
]


@pytest.mark.parametrize("text", ODD, ids=ascii)
def test_any_character_of_an_event_is_written_as_the_rules_say(text):
    event = payment(currency=text, object_id=text)
    assert content_hash(event) == second_opinion(event)


@pytest.mark.parametrize("number", [0, -1, 9, 10, -10, 2**63 - 1, -(2**63), 2**63, 2**64 - 1], ids=str)
def test_any_number_of_an_event_is_written_in_plain_decimal(number):
    event = payment(amount_minor=number)
    assert content_hash(event) == second_opinion(event)


def test_the_compiled_text_leaves_what_is_unusual_to_the_reference():
    if canonical._compiled is None:
        pytest.skip("this is about the compiled part")
    for unusual in (2**63, b"x", 1.5, ["a list"], {"a": 1}):
        assert canonical._compiled.of(payment(amount_minor=unusual)) is None
    assert canonical._compiled.of(payment(amount_minor=2**63 - 1)) is not None


@pytest.mark.parametrize(
    ("name", "field"), [("UsageRated", "replaces_estimate"), ("ContractRenewed", "exercises")]
)
def test_an_event_that_was_written_before_a_field_existed_is_still_its_own_hash(
    any_record, codec, files, name, field
):
    record = f"tieout.events.{name}"
    first = files.locked(record)[0]
    writer = fastavro.parse_schema(files.resolve(record, first.version))

    @settings(max_examples=20, deadline=None)
    @given(any_record(record))
    def check(event):
        plain = msgspec.to_builtins(event, builtin_types=(bytes,))
        del plain[field]
        body = io.BytesIO()
        fastavro.schemaless_writer(body, writer, plain)
        read = codec.decode(struct.pack(">BI", 0, first.id) + body.getvalue())
        assert getattr(read, field) is None
        del plain["envelope"]["content_hash"]
        for travels in ("event_id", "recorded_at", "occurred_at", "correlation_id", "causation_id", "actor"):
            del plain["envelope"][travels]
        assert content_hash(read) == hashlib.blake2b(canonical_json(plain), digest_size=16).digest()

    check()


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_is_written_as_the_rules_say(text):
    assert canonical_json({"a": text}).decode() == json.dumps(
        {"a": text}, ensure_ascii=False, separators=(",", ":")
    )


def test_order_and_absence_do_not_matter_and_a_float_has_no_form():
    assert (
        canonical_json({"b": 1, "a": {"d": None, "c": [True, "é"]}})
        == '{"a":{"c":[true,"é"]},"b":1}'.encode()
    )
    for value in (1.5, b"x"):
        with pytest.raises(TypeError, match="no canonical form"):
            canonical_json({"a": value})
