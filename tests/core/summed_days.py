"""Generated days of which some entities have their journals summed: what tests of batches share."""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from functools import cache
from heapq import heappop, heappush
from zlib import crc32

from contract_inbox import CODEC, TOPICS
from msgspec.structs import replace

from tieout.agents.agent import contract_agent
from tieout.agents.decode import inbox_key
from tieout.agents.pipeline import PipelineSettings
from tieout.agents.posting import acks
from tieout.agents.posting.arriving import opened
from tieout.agents.posting.settling import Posted
from tieout.avro.canonical import content_hash
from tieout.avro.commands import JournalPost
from tieout.avro.control import ControlHeader, PeriodClosed, ReferenceActivated, RevenueRun
from tieout.avro.events import CreditMemoIssued, InvoicePosted, PaymentReceived
from tieout.avro.reference import EntityPublished, PolicySwitch
from tieout.streams.operate.generate import generate
from tieout.streams.sample_events import DAY_ONE
from tieout.streams.sample_events import said as sample
from tieout.streams.testing import FedRecord, Harness
from tieout.tables.reference import Reference

ENTITIES = ("US", "UK", "DE", "JP")
CONTRACTS = 40


def with_grain(rows, entities=ENTITIES):
    """The reference rows, with ``journal_grain: summary`` for these entities."""
    summary = PolicySwitch(name="journal_grain", value="summary")
    return tuple(
        replace(row, policy=(*row.policy, summary))
        if isinstance(row, EntityPublished) and row.header.id in entities
        else row
        for row in rows
    )


def _markers(rows, count):
    """(place in the log, marker): two runs, a close between, and a run behind all events."""
    third = count // 3
    return [
        (0, ReferenceActivated(_header(1), len(rows))),
        (third, RevenueRun(_header(2), None, "primary", DAY_ONE + 58)),
        (third + 5, PeriodClosed(_header(3), None, "revenue", "2025-02")),
        (2 * third, RevenueRun(_header(4), None, "primary", DAY_ONE + 180)),
        (count, RevenueRun(_header(5), None, "primary", DAY_ONE + 240)),
    ]


def _header(seq):
    return ControlHeader(f"request-{seq}", seq, "acme", "t", 0)


@cache
def day(seed: int, entities: tuple[str, ...] = ENTITIES) -> tuple[tuple[FedRecord, ...], Reference]:
    """A log and its reference data: a record a second."""
    generation = generate("day", CONTRACTS, seed)
    rows = with_grain(generation.reference(), entities)
    values = [
        (inbox_key(e.envelope.tenant, e.envelope.group_id), CODEC.encode(e)) for e in generation.events()
    ]
    for place, marker in reversed(_markers(rows, len(values))):
        values.insert(place, (b"control", CODEC.encode(marker)))
    log = tuple(FedRecord(n, 1_000 * n, key, value) for n, (key, value) in enumerate(values))
    return log, Reference.of(rows, len(rows))


@cache
def answered_day(seed: int, entities: tuple[str, ...] = ENTITIES) -> tuple[tuple[FedRecord, ...], Reference]:
    """The day with an ERP that accepts each command some records after it was said, and a close behind.

    Every other contract is billed elsewhere: those who sold it hear of journals, not of invoices.
    """
    base, reference = day(seed, entities)
    harness = Harness(agent(reference))
    to_come = deque((record.key, record.value) for record in base if not _is_billed_elsewhere(record))
    answers: list[tuple[int, str, bytes, bytes]] = []
    while to_come or answers:
        place, seen = len(harness.log), len(harness.outputs)
        is_answered = answers and (not to_come or answers[0][0] <= place)
        key, value = heappop(answers)[2:] if is_answered else to_come.popleft()
        harness.step(FedRecord(place, 1_000 * place, key, value))
        harness.commit()
        harness.work(1_000)
        for output in harness.outputs[seen:]:
            if output.topic == "erp_commands":
                heappush(answers, _answer(CODEC.decode(output.value), place))
    close = CODEC.encode(PeriodClosed(_header(6), None, "revenue", "2025-06"))
    place = len(harness.log)
    return (*harness.log, FedRecord(place, 1_000 * place, b"control", close)), reference


def _is_billed_elsewhere(record: FedRecord) -> bool:
    event = CODEC.decode(record.value)
    return isinstance(event, InvoicePosted | PaymentReceived | CreditMemoIssued) and bool(
        crc32(event.envelope.contract_id.encode()) % 2
    )


def _answer(command, place: int) -> tuple[int, str, bytes, bytes]:
    """(place of the log from which on it is due, command, key, value) of an ERP's answer; batches take it longer."""
    header = command.header
    latency = (20 if is_batch(command) else 5) + int(header.command_id[:2], 16) % 10
    key = inbox_key(header.tenant, header.group_id)
    return place + latency, header.command_id, key, CODEC.encode(accepted(command))


def agent(reference: Reference, placement=lambda _: 0):
    return contract_agent(
        PipelineSettings(input_topic="inbox", topics=TOPICS, gap_timer_ms=60_000, groups_in_memory_max=7),
        changelog_topic="changelog",
        codec=CODEC,
        placement=placement,
        references=lambda _: reference,
        now_us=lambda: 0,
    )


def straight(log, reference) -> Harness:
    """The log record by record, each with a commit and all work done."""
    harness = Harness(agent(reference))
    for record in log:
        harness.step(record)
        harness.commit()
        harness.work(1_000)
    return harness


def said(harness: Harness, topic: str) -> list:
    return [CODEC.decode(output.value) for output in harness.outputs if output.topic == topic]


def is_batch(command) -> bool:
    return isinstance(command, JournalPost) and command.journal_type == "summary"


def accepted(command):
    """What the posting agent tells when the ERP took a command."""
    standing = opened(command, 0)
    return acks.accepted(
        command, standing, Posted("DOC-1", command.header.posting_date, "p", duplicate=False), 7
    )


def posted(commands) -> dict:
    """(entity, book, currency, posting period, service period, class, account) -> credits less debits, also functional."""
    found: dict = defaultdict(Counter)
    for command in commands:
        if not isinstance(command, JournalPost):
            continue
        header = command.header
        for line in command.lines:
            key = (
                *(header.entity, header.book, header.currency, header.posting_period),
                *(line.service_period, line.account_class, line.account),
            )
            found[key]["amount"] += line.credit_minor - line.debit_minor
            found[key]["functional"] += (line.functional_credit_minor or 0) - (
                line.functional_debit_minor or 0
            )
    return {key: dict(each) for key, each in found.items() if any(each.values())}


def refused(command, reason: str):
    """What the posting agent tells when the ERP did not."""
    standing = replace(opened(command, 0), state="parked", reason=reason, code="X", text="no", attempts=1)
    return acks.rejected(command, standing, 7)


def resolved(item, decision: str):
    """A person's decision about an exception."""
    event = sample("exception_resolved", "R1")
    envelope = replace(event.envelope, group_id=item.group_id, contract_id=item.contract_id)
    event = replace(
        event, envelope=envelope, exception_id=item.exception_id, decision=decision, approver="ada"
    )
    return replace(event, envelope=replace(envelope, content_hash=content_hash(event)))
