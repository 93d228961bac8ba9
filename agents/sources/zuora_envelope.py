"""The envelope of events that come from a Zuora export.

Invariant: all of it follows from the rows and the three settings of the import, so the same export gives the same
events byte for byte, and importing it again gives duplicates only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import msgspec

from tieout.agents.sources.zuora_rows import Subscription
from tieout.avro.canonical import content_hash
from tieout.avro.events import Envelope, Event

E = TypeVar("E", bound=Event)


@dataclass(frozen=True, slots=True)
class Source:
    """Settings of one import. ``price_is_ssp``: the export has no stand-alone prices; say so when price is one."""

    tenant: str
    entity: str
    price_is_ssp: bool = False

    def contract(
        self, subscription: Subscription, event_type: str, effective: int, contract: str | None = None
    ) -> Envelope:
        """Envelope of a subscription version; ``contract`` is the name of the first version."""
        name = contract or subscription.name
        row = subscription.row
        return self.envelope(
            event_type, ("contract", name), subscription.version, name, effective, subscription.changed_at,
            f"zuora/{row.table}/{row.id}",
        )  # fmt: skip

    def envelope(
        self,
        event_type: str,
        source_object: tuple[str, str],
        version: int,
        contract: str,
        effective: int,
        changed_at: int,
        event_id: str,
    ) -> Envelope:
        """Any envelope; ``source_object`` is (type, id). The content hash is set by ``hashed``."""
        return Envelope(
            event_id=event_id,
            event_type=event_type,
            source="zuora",
            object_type=source_object[0],
            object_id=source_object[1],
            object_version=version,
            tenant=self.tenant,
            group_id=contract,
            contract_id=contract,
            legal_entity=self.entity,
            occurred_at=changed_at,
            effective_date=effective,
            recorded_at=changed_at,
            correlation_id=event_id,
            causation_id="",
            actor="",
            approval_ref=None,
            content_hash=bytes(16),
        )


def hashed(event: E) -> E:
    """The event with the hash of its content."""
    envelope = msgspec.structs.replace(event.envelope, content_hash=content_hash(event))
    return msgspec.structs.replace(event, envelope=envelope)
