"""What a partition remembers of journals that it sums: the sums of open batches, who has a share in which, and answers.

A batch is one balanced journal of many contracts (policy ``journal_grain: summary``). Invariants: what a batch is follows
from what is summed into it, never from when it arrived; a sum is of one batch, ledger class, account and dimensions.
"""

from __future__ import annotations

from hashlib import blake2b

import msgspec

from tieout.avro.commands import Cause
from tieout.avro.events import Day, Micros, Minor
from tieout.tables.codec import RowCodec
from tieout.tables.keys import BATCH_ROWS, SHARE_ROWS, SUM_ROWS

GROUP_PREFIX = "journals/"
"""Begin of the ids of groups that batches belong to."""

_VERSION = 1


class Batch(msgspec.Struct, frozen=True, array_like=True, order=True, gc=False):
    """What is summed together, on top of class and account.

    ``control_seq``: the last marker of the groups that said it. ``is_late``: an event said it, behind that marker; else the
    marker itself did. ``is_translated``: it has amounts in functional currency beside those in ``currency``.
    """

    control_seq: int
    is_late: bool
    tenant: str
    entity: str
    book: str
    posting_period: str
    posting_date: Day
    service_period: str
    currency: str
    is_translated: bool
    erp_account: str


class Sum(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Credits less debits of a class, account and dimensions in a batch, in the batch's currency and in functional currency."""

    batch: Batch
    account_class: str
    account: str
    credit: Minor = 0
    functional: Minor = 0
    dimensions: tuple[str, ...] = ()


class Share(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A contract that has a share in a batch which is not answered yet."""

    tenant: str
    group_id: str
    contract_id: str


class Answer(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What became of a batch. ``detail``: in words; ``fact_id``, ``cause``: who said so.

    ``document_no``: what the ERP holds it as; None where it holds nothing, because nothing was posted.
    """

    outcome: str
    detail: str
    event_type: str
    fact_id: str
    decided_at: Micros
    cause: Cause
    document_no: str | None = None


class Standing(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """How far a batch has come that was said or answered; with both, its contracts are being told.

    Where a log is read again, the answer may come before the sweep that says the batch.
    """

    is_said: bool
    answer: Answer | None = None


SUMS = RowCodec[Sum]("sum", _VERSION, {_VERSION: Sum})
SHARES = RowCodec[Share]("share", _VERSION, {_VERSION: Share})
STANDINGS = RowCodec[Standing]("batch", _VERSION, {_VERSION: Standing})


def batch_id(batch: Batch, partition: int) -> str:
    """blake2b-128 of the batch and its partition, lower-case hex: the id of its command."""
    parts = ("batch", str(partition), *map(str, msgspec.structs.astuple(batch)))
    return blake2b("\x1f".join(parts).encode(), digest_size=16).hexdigest()


def sum_key(batch: str, account_class: str, account: str, dimensions: tuple[str, ...] = ()) -> bytes:
    """Row of one sum of a batch, by the batch's id."""
    return SUM_ROWS + bytes.fromhex(batch) + "\0".join((account_class, account, *dimensions)).encode()


def share_prefix(batch: str) -> bytes:
    """Prefix of the rows of all contracts that have a share in a batch."""
    return SHARE_ROWS + bytes.fromhex(batch)


def share_key(batch: str, share: Share) -> bytes:
    """Row of a contract's share in a batch."""
    return share_prefix(batch) + f"{share.tenant}\0{share.group_id}\0{share.contract_id}".encode()


def standing_key(batch: str) -> bytes:
    """Row of how far a batch has come."""
    return BATCH_ROWS + bytes.fromhex(batch)


def batch_of(key: bytes) -> str:
    """The batch's id in the key of how far it has come."""
    return key[len(BATCH_ROWS) :].hex()


def is_batch_group(group_id: str) -> bool:
    """Whether a group is one that batches belong to, and no contract group."""
    return group_id.startswith(GROUP_PREFIX)
