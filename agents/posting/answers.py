"""What an ERP has answered, in our own words: the same for every ERP.

Invariant: an answer says definitely that a command was posted, or definitely that it was not, or that nobody knows; only
``Refused`` of the kind ``ambiguous`` is the third, and nothing is sent again after it before the ERP has been asked.
"""

from __future__ import annotations

from typing import Literal

import msgspec

RefusalKind = Literal["throttled", "transient", "ambiguous", "business", "permanent", "auth"]
"""throttled: too many at once, try later and slower. transient: not executed, try later. ambiguous: perhaps executed, read
back. business: master data, period or tax; a person or reference data mends it. permanent: will never pass as it stands.
auth: the ERP does not let us in; nothing is sent until it does."""

Reason = Literal[
    "PERIOD_CLOSED",
    "REFERENCE_MISSING",
    "TAX_REFUSED",
    "CONTENT_CONFLICT",
    "UNBALANCED",
    "DOCUMENT_STATE",
    "NOT_SUPPORTED",
    "IN_DOUBT",
    "UNCLASSIFIED",
    "NONE",
]
"""Why a definite refusal: what the contract agent and people act upon. CONTENT_CONFLICT: the id is taken by other content.
DOCUMENT_STATE: what the command acts upon is not in a state that allows it. NOT_SUPPORTED: the adapter cannot say this kind.
IN_DOUBT: nobody knows whether it was posted, and the ERP would not recognise it when sent again. UNCLASSIFIED: the
error table knows no row for it, so it is read back once before it is believed. NONE: no definite refusal."""


class Accepted(msgspec.Struct, frozen=True, array_like=True, tag="a", gc=False):
    """Posted. ``document_no`` is the ERP's own number; ``posted_on`` in days since 1970, ``period`` the ERP's label.

    ``duplicate``: it was there already, with the same content.
    """

    document_no: str
    posted_on: int
    period: str
    duplicate: bool = False


class Refused(msgspec.Struct, frozen=True, array_like=True, tag="r", gc=False):
    """Not posted, or not known. ``code`` and ``text`` are the ERP's own, cut to 500 characters."""

    kind: RefusalKind
    reason: Reason
    code: str
    text: str
    retry_after_ms: int | None = None


class NotStarted(msgspec.Struct, frozen=True, array_like=True, tag="n", gc=False):
    """The call was never begun: there was no room within the time in which it may begin."""


Answer = Accepted | Refused | NotStarted
"""What became of one command in one call."""


class Unfinished(msgspec.Struct, frozen=True, array_like=True, tag="u", gc=False):
    """The process that made the call is gone, or the caller failed: whether it began is not known."""


class Missing(msgspec.Struct, frozen=True, array_like=True, tag="m", gc=False):
    """The ERP was asked and holds nothing under the command's id."""


class Found(msgspec.Struct, frozen=True, array_like=True, tag="f", gc=False):
    """What the ERP holds under a command's id. ``content_hash`` None: the ERP does not keep it.

    ``state``: posted; draft (made, not posted); reversed (a document of the ERP takes it back).
    """

    command_id: str
    content_hash: str | None
    document_no: str
    posted_on: int
    period: str
    state: Literal["posted", "draft", "reversed"]


Outcome = Accepted | Refused | NotStarted | Unfinished | Missing | Found
"""What a call comes back with: of a posting, or of a read-back."""

_ENCODER = msgspec.msgpack.Encoder()
_DECODER: msgspec.msgpack.Decoder[Outcome] = msgspec.msgpack.Decoder(Outcome)


def encode_outcome(outcome: Outcome) -> bytes:
    """Bytes of an outcome, as the engine hands them from the caller to the task."""
    return _ENCODER.encode(outcome)


def decode_outcome(value: bytes) -> Outcome:
    """The outcome of its bytes."""
    return _DECODER.decode(value)
