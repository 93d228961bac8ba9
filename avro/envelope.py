"""The first field of every business event, and the bounded values that all records are made of.

Invariants: amounts are integer minor units of the event's ISO 4217 ``currency``; quantities are integers with an
explicit decimal scale; ``Day`` is days since 1970-01-01 in the entity's own calendar day (Avro logical type
``date``); ``Micros`` is UTC; every text that others write has a longest length.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

Minor = int
Day = Annotated[int, msgspec.Meta(ge=-719_162, le=2_932_896)]
"""Years 1 to 9999: what a calendar can show, so that no date arithmetic ever overflows."""
Micros = Annotated[int, msgspec.Meta(ge=-62_135_596_800_000_000, le=253_402_300_799_999_999)]
"""The same years, in microseconds."""
Text = Annotated[str, msgspec.Meta(max_length=256)]
"""What a source states, bounded: it becomes part of row keys, rows and pages. Characters, not bytes."""
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=256)]
"""A part of an identity or key: never empty."""
Pii = Annotated[str, msgspec.Meta(max_length=256)]
"""A string that identifies a person or company: redacted in logs, pages and dead letters."""
Stated = Annotated[int, msgspec.Meta(ge=-(10**16), le=10**16)]
"""Minor units as a source states them: 500 lines of the largest still add up inside an Avro ``long``."""
Booked = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
"""Minor units as tieout has emitted them: whatever an Avro ``long`` holds, as what is told about it must never be refused."""
Quantity = Annotated[int, msgspec.Meta(ge=-(10**16), le=10**16)]
"""Scaled by ``10**scale``. A negative one is readable, and refused by the agent with an owner."""
Scale = Annotated[int, msgspec.Meta(ge=0, le=12)]
"""Decimal digits; bounded because it is an exponent."""
Version = Annotated[int, msgspec.Meta(ge=0, le=2**53)]
"""Rises by one per object where the ordering mode is ``sequence``; a source's own stamp elsewhere."""


class Envelope(msgspec.Struct, frozen=True, gc=False):
    """First field of every business event; identity, time and provenance.

    Identity is (tenant, source, object_type, object_id, object_version, event_type); ``content_hash`` is
    blake2b-128 of the canonical business content (``tieout.avro.canonical``); ``event_id`` serves tracing only.
    """

    event_id: Text
    event_type: Name
    source: Name
    object_type: Name
    object_id: Name
    object_version: Version
    tenant: Name
    group_id: Name
    contract_id: Text
    legal_entity: Text
    occurred_at: Micros
    effective_date: Day
    recorded_at: Micros
    correlation_id: Text
    causation_id: Text
    actor: Pii
    approval_ref: Text | None
    content_hash: bytes
