"""Batches of summed journals, told one by one again from the revenue events that name them.

Invariant: nothing is taken on trust. A batch whose lines are not the sum of its revenue events is a finding, as is a
revenue event whose batch does not exist; a batch that exists twice, or is missing from its lane, stays one.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from msgspec.structs import replace

from tieout.avro import commands as ordered
from tieout.avro import outcomes as told

CLASSES = {
    "recognised": ("revenue", 1),
    "contract_liability": ("contract_liability", 1),
    "refund_liability": ("refund_liability", 1),
    "contract_asset": ("contract_asset", -1),
    "fx": ("fx_gain", 1),
}
"""Kind of a revenue event -> its ledger class, and the side that the class grows on, credits being positive."""


def one_by_one(
    commands: Iterable[ordered.Command], outcomes: Iterable[told.Outcome]
) -> tuple[list[ordered.Command], list[str]]:
    """The commands with each batch replaced by the journals that it sums, and what does not agree."""
    kept = list(commands)
    detail: dict[str, dict[str, told.RevenueEvent]] = defaultdict(dict)
    for each in outcomes:
        if isinstance(each, told.RevenueEvent) and each.batch_id is not None:
            detail[each.batch_id][each.revenue_event_id] = each
    batches = [each for each in kept if is_batch(each)]
    found = list(_lanes(batches))
    missing = detail.keys() - {each.header.command_id for each in batches}
    found += [f"no batch {each}, which revenue events name" for each in sorted(missing)]
    journals: list[ordered.Command] = []
    numbers: Counter[tuple[str, str]] = Counter()
    for batch in batches:
        events = list(detail[batch.header.command_id].values())
        if _sums(batch) != _sums_of(events):
            found.append(
                f"batch {batch.header.command_id} is not the sum of its {len(events)} revenue events"
            )
        journals += _journals(batch, events, numbers)
    return [each for each in kept if not is_batch(each)] + journals, found


def is_batch(command: object) -> bool:
    return isinstance(command, ordered.JournalPost) and command.journal_type == "summary"


def _lanes(batches: Sequence[ordered.JournalPost]) -> Iterable[str]:
    lanes: dict[tuple[str, str], list[int]] = defaultdict(list)
    for each in batches:
        lanes[each.header.erp_account, each.header.group_id].append(each.header.lane_seq)
    for lane, numbers in lanes.items():
        if sorted(numbers) != list(range(1, len(numbers) + 1)):
            yield f"lane of batches {lane} has the numbers {sorted(numbers)[:9]}"


def _sums(batch: ordered.JournalPost) -> dict[str, int]:
    found: Counter[str] = Counter()
    for line in batch.lines:
        found[line.account_class] += line.credit_minor - line.debit_minor
    return {name: amount for name, amount in found.items() if amount}


def _sums_of(events: Iterable[told.RevenueEvent]) -> dict[str, int]:
    found: Counter[str] = Counter()
    for each in events:
        name, sign = CLASSES[each.kind]
        found[name] += sign * each.amount_minor
    return {name: amount for name, amount in found.items() if amount}


def _journals(
    batch: ordered.JournalPost, events: Iterable[told.RevenueEvent], numbers: Counter[tuple[str, str]]
) -> Iterable[ordered.JournalPost]:
    by_journal: dict[str, list[told.RevenueEvent]] = defaultdict(list)
    for each in events:
        by_journal[each.revenue_event_id.rpartition("/")[0]].append(each)
    for journal, lines in by_journal.items():
        first = lines[0]
        lane = (first.group_id, batch.header.erp_account)
        numbers[lane] += 1
        header = replace(
            batch.header,
            command_id=journal,
            group_id=first.group_id,
            arrangement_id=first.arrangement_id,
            contract_id=first.contract_id,
            lane="summed",
            lane_seq=numbers[lane],
        )
        yield ordered.JournalPost(header, "revenue", None, tuple([_line(each) for each in lines]))


def _line(event: told.RevenueEvent) -> ordered.JournalLine:
    name, sign = CLASSES[event.kind]
    credit = sign * event.amount_minor
    return ordered.JournalLine(
        account_class=name,
        account="",
        po=event.po,
        customer_id="",
        dimensions=(),
        service_period=event.period,
        debit_minor=max(-credit, 0),
        credit_minor=max(credit, 0),
        functional_debit_minor=None,
        functional_credit_minor=None,
        revenue_event_id=event.revenue_event_id,
    )
