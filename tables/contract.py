"""What is remembered of a contract group: its head, its facts, and how far they have been turned into output.

Invariant: what has a row is facts and output; what has none follows from them, and may be dropped at any time.
"""

from __future__ import annotations

import msgspec

from tieout.avro.commands import Cause
from tieout.avro.events import Day, Minor
from tieout.tables.derived import Derived
from tieout.tables.documents import Documents
from tieout.tables.erp_answers import NONE, ErpAnswers
from tieout.tables.extent import Extent
from tieout.tables.facts import Facts
from tieout.tables.layers import Layers
from tieout.tables.ledger import Ledger
from tieout.tables.work import UsageBucket, WorkLog

Pending = tuple[bytes, str]
"""(command id, number of the document that it creates, empty for none)."""


class Course(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """How far a contract has come in its ERP. What the ERP has accepted leaves nothing behind but what was ``reached``.

    ``told``: place of what was told last in ``CRM_STATUSES``, from 1 on; 0 for nothing. ``reached``: ordered, active, amended
    or cancelled; empty before. ``awaits_customer``, and ``order``, the id of its sales_order.create: what the ERP has not
    accepted yet of its onboarding. ``pending``: the later commands of its document lane, likewise. ``blocked``: the reason code
    of the version that is parked. ``taken_back``: its activation was compensated.
    """

    told: int = 0
    reached: str = ""
    awaits_customer: bool = False
    order: bytes = b""
    pending: tuple[Pending, ...] = ()
    held: bool = False
    backordered: bool = False
    billed: bool = False
    taken_back: bool = False
    blocked: str = ""

    @property
    def is_onboarding(self) -> bool:
        """Whether the ERP has yet to accept its customer or its order."""
        return self.awaits_customer or self.order != b""


class Contract(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One source contract. ``watermark`` is its last accepted version; ``status`` active or cancelled.

    ``upsert`` is the id of the customer.upsert that its first document and journal come after, until
    ``journal_tied``. ``home`` is the arrangement of its version 1 where that is another contract's (606-10-25-9),
    empty for ``id@1``.
    """

    id: str
    customer: str
    bill_to: str | None
    entity: str
    currency: str
    status: str
    watermark: int
    first: Day
    last: Day
    upsert: str
    journal_tied: bool = False
    home: str = ""
    course: Course = Course()

    @property
    def first_arrangement(self) -> str:
        """The arrangement of its version 1, in which its advances are due."""
        return self.home or f"{self.id}@1"


class Arrangement(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The ASC 606 contract: the unit of allocation, modification and netting. ``id`` is ``contract@version``.

    ``policy_version`` pins the entity's row whose switches govern it, ``policies`` the rows that were published for a book
    ((book, version)). ``contracts``: all whose promises are in it, where they are several (606-10-25-9). ``reviewed``:
    later rows (``entity/3``, ``policy/2``) that people were asked to review it by.
    """

    id: str
    contract: str
    entity: str
    currency: str
    book: str
    policy_version: int
    opened: Day
    contracts: tuple[str, ...] = ()
    policies: tuple[tuple[str, int], ...] = ()
    reviewed: tuple[str, ...] = ()


class OpenItem(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """An exception that an accepted fact left open. Key (code, fact)."""

    code: str
    fact: str
    contract: str
    event_type: str
    amount: Minor
    currency: str
    opened_us: int
    detail: str
    cause: Cause


class Upsert(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A customer that this group has sent to an ERP account."""

    erp_account: str
    customer: str
    bill_to: str | None
    command_id: str


class Lanes(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Last used numbers of a group's lanes in one ERP account: who posts to an account sees them without a hole."""

    erp_account: str
    master: int = 0
    document: int = 0
    journal: int = 0


class Group(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Head of a group. ``lanes`` are sorted by ERP account."""

    tenant: str
    id: str
    control_seq: int
    contracts: tuple[Contract, ...] = ()
    arrangements: tuple[Arrangement, ...] = ()
    lanes: tuple[Lanes, ...] = ()
    upserts: tuple[Upsert, ...] = ()
    open_items: tuple[OpenItem, ...] = ()
    revenue_hash: bytes = b""


class GroupState(msgspec.Struct, frozen=True, gc=False):
    """Everything known of a group; one changelog row per field, one per usage bucket and per promise with work.

    ``layers`` may be empty after a load: they are folded again when they are needed. ``extent`` is what facts, documents,
    usage and work add up to, and has no row; nor has ``derived``, which is None until it is needed. ``erp`` has one only
    where its ERP has refused something for a closed period.
    """

    group: Group
    facts: Facts = Facts()
    documents: Documents = Documents()
    ledger: Ledger = Ledger()
    usage: tuple[UsageBucket, ...] = ()
    layers: tuple[Layers, ...] = ()
    extent: Extent = Extent()
    work: tuple[WorkLog, ...] = ()
    derived: Derived | None = None
    erp: ErpAnswers = NONE

    @property
    def tenant(self) -> str:
        return self.group.tenant

    @property
    def group_id(self) -> str:
        return self.group.id

    @property
    def control_seq(self) -> int:
        """The last marker that was applied to this group."""
        return self.group.control_seq

    def contract(self, contract_id: str) -> Contract | None:
        """The contract, once its activation was accepted."""
        for contract in self.group.contracts:
            if contract.id == contract_id:
                return contract
        return None

    def arrangement(self, arrangement_id: str) -> Arrangement:
        """An arrangement of this group; it must exist."""
        for each in self.group.arrangements:
            if each.id == arrangement_id:
                return each
        raise AssertionError(f"group {self.group_id!r} has no arrangement {arrangement_id!r}")

    def arrangements_of(self, contract_id: str) -> tuple[Arrangement, ...]:
        """Arrangements that hold promises of a contract: its home first, then in order of their versions."""
        arrangements = self.group.arrangements
        if len(arrangements) == 1 and arrangements[0].contract == contract_id:
            return arrangements
        own: list[Arrangement] = []
        joined: list[Arrangement] = []
        for each in arrangements:
            if each.contract == contract_id:
                own.append(each)
            elif each.contracts and contract_id in each.contracts:
                joined.append(each)
        return (*joined, *own)

    def sharing_with(self, contract_id: str) -> frozenset[str]:
        """The contract, and those that were combined with it (606-10-25-9)."""
        names = {contract_id}
        for each in self.arrangements_of(contract_id):
            names.update((each.contract, *each.contracts))
        return frozenset(names)
