"""Small hand-made events, for tests of agents and for trying things out: one contract, stated in a few words.

Invariant: each is complete and sealed (its content hash is its content's), so that what a test leaves out is a
default that the language accepts, never a hole.
"""

from __future__ import annotations

import typing
from typing import Any

from tieout.avro.catalogue import EVENT_TYPES
from tieout.avro.events import (
    ContractActivated,
    ContractAmended,
    ContractCancelled,
    CreditMemoIssued,
    Day,
    Envelope,
    Event,
    GoodsDelivered,
    InvoicePosted,
    Line,
    Micros,
    MilestoneCompleted,
    PaymentReceived,
)
from tieout.streams.operate.generate.sealing import seal

DAY_ONE: Day = 20_089
"""2025-01-01."""
_NO_HASH = bytes(16)


def envelope(event_type: str, named: str, version: int = 1, **given: Any) -> Envelope:
    """An envelope of tenant acme, group G1, contract C1, entity US, dated 2025-01-01; ``given`` wins."""
    fields: dict[str, Any] = {
        "event_id": f"{event_type}/{named}/{version}",
        "event_type": event_type,
        "source": "billing",
        "object_type": "subscription" if EVENT_TYPES[event_type].ordering == "sequence" else event_type,
        "object_id": named,
        "object_version": version,
        "tenant": "acme",
        "group_id": "G1",
        "contract_id": "C1",
        "legal_entity": "US",
        "occurred_at": DAY_ONE * 86_400_000_000,
        "effective_date": DAY_ONE,
        "recorded_at": DAY_ONE * 86_400_000_000,
        "correlation_id": "",
        "causation_id": "",
        "actor": "",
        "approval_ref": None,
        "content_hash": _NO_HASH,
    }
    return Envelope(**{**fields, **given})


def said(
    event_type: str, named: str = "1", *, version: int = 1, effective: Day = DAY_ONE, **content: Any
) -> Event:
    """An event of any type, by default about C1 on 2025-01-01.

    ``content`` is given as the record's fields say. What is not given is null where it can be, else 0, no, empty, that
    day, or as text the field's own name; ``currency`` is USD, ``base_version`` the version before.
    """
    struct: type[Any] = EVENT_TYPES[event_type].struct
    hints = typing.get_type_hints(struct, include_extras=True)
    stated = {"currency": "USD", "base_version": version - 1, **content}
    given = {
        name: stated[name] if name in stated else _unstated(name, hints[name], effective)
        for name in struct.__struct_fields__
        if name != "envelope"
    }
    head = envelope(event_type, named, version, effective_date=effective)
    event: Event = seal(struct(envelope=head, **given))
    return event


def _unstated(name: str, hint: Any, day: Day) -> Any:
    if type(None) in typing.get_args(hint):
        return None
    if typing.get_origin(hint) is tuple:
        return ()
    if hint in (Day, Micros):
        return day if hint == Day else day * 86_400_000_000
    plain = hint.__origin__ if typing.get_origin(hint) is typing.Annotated else hint
    return name if plain is str else plain()


def activated(*, price_minor: int = 12_000_00, months: int = 12, **given: Any) -> ContractActivated:
    """C1 v1: one subscription line over ``months`` calendar months from 2025-01-01 (at most 12)."""
    last = DAY_ONE + (0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365)[months] - 1
    line = Line(
        po="SEATS",
        product="PLATFORM-CORE",
        measure="time",
        from_date=DAY_ONE,
        to_date=last,
        ssp_minor=price_minor,
    )
    return seal(
        ContractActivated(
            envelope=envelope("contract_activated", given.get("contract_id", "C1"), **given),
            customer_id="CUST1",
            bill_to_id=None,
            currency="USD",
            approved_date=DAY_ONE,
            start_date=DAY_ONE,
            end_date=last,
            price_minor=price_minor,
            lines=(line,),
            bundles=(),
            combine_with=None,
            terminable=None,
        )
    )


def amended(
    version: int, *, price_change_minor: int = 0, effective: Day = DAY_ONE + 90, **given: Any
) -> ContractAmended:
    """A change of price alone, approved on the day from which it counts."""
    return seal(
        ContractAmended(
            envelope=envelope(
                "contract_amended",
                given.get("contract_id", "C1"),
                version,
                **{"effective_date": effective, **given},
            ),
            base_version=version - 1,
            currency="USD",
            approved_date=effective,
            price_change_minor=price_change_minor,
            add=(),
            change=(),
            remove=(),
            ssp=(),
            past_credit_minor=0,
            distinct=None,
            price_status="fixed",
            price_estimate_minor=None,
            enforceable=True,
            actions=(),
            reason=None,
        )
    )


def cancelled(
    version: int, *, effective: Day = DAY_ONE + 151, price_change_minor: int = 0
) -> ContractCancelled:
    """The contract ends the day before ``effective``."""
    return seal(
        ContractCancelled(
            envelope=envelope("contract_cancelled", "C1", version, effective_date=effective),
            base_version=version - 1,
            currency="USD",
            approved_date=effective,
            access_end_date=None,
            price_change_minor=price_change_minor,
            fee_minor=0,
            reason=None,
        )
    )


def invoiced(number: str, amount_minor: int, *, effective: Day = DAY_ONE, **given: Any) -> InvoicePosted:
    """An invoice of one part, without tax, due at once."""
    return seal(
        InvoicePosted(
            envelope=envelope("invoice_posted", number, **{"effective_date": effective, **given}),
            currency="USD",
            invoice_number=number,
            amount_minor=amount_minor,
            tax_minor=0,
            due_date=effective,
            unconditional=True,
            lines=(),
            part_number=1,
            part_count=1,
            document_total_minor=amount_minor,
        )
    )


def credited(
    number: str, amount_minor: int, reason: str | None, *, effective: Day = DAY_ONE + 40
) -> CreditMemoIssued:
    """A credit memo, without tax."""
    return seal(
        CreditMemoIssued(
            envelope=envelope("credit_memo_issued", number, effective_date=effective),
            currency="USD",
            memo_number=number,
            amount_minor=amount_minor,
            tax_minor=0,
            reason=reason,
            invoice_number=None,
            modification_version=None,
            lines=(),
        )
    )


def paid(number: str, amount_minor: int, *, effective: Day = DAY_ONE + 20, **given: Any) -> PaymentReceived:
    """A payment that names no invoice."""
    return seal(
        PaymentReceived(
            envelope=envelope("payment_received", number, **{"effective_date": effective, **given}),
            currency="USD",
            amount_minor=amount_minor,
            invoice_number=None,
        )
    )


def delivered(
    number: str, po: str, quantity: int | None = None, *, effective: Day = DAY_ONE + 10
) -> GoodsDelivered:
    """A delivery of ``po``."""
    return seal(
        GoodsDelivered(
            envelope=envelope("goods_delivered", number, effective_date=effective),
            po=po,
            quantity=quantity,
            quantity_scale=0,
        )
    )


def milestone(number: str, po: str) -> MilestoneCompleted:
    """A milestone of ``po``."""
    return seal(
        MilestoneCompleted(
            envelope=envelope("milestone_completed", number), po=po, milestone=number, percent_ppm=None
        )
    )
