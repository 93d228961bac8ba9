"""What an ERP holds, judged against what it was sent: the same for the simulated one, the stand-in and Tryton.

Invariant: only ids are looked at, those of the commands as they were written and those of the documents as the ERP made them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from tieout.avro.commands import Command


def anomalies(sent: Sequence[Command], journal: Sequence[str]) -> Iterator[str]:
    """``sent``: in the order of the log; ``journal``: the command id of each document, in the order of the ERP's commits."""
    order = {name: number for number, name in reversed(list(enumerate(journal)))}
    if missing := [each.header.command_id for each in sent if each.header.command_id not in order]:
        yield f"I1 lost-write: {len(missing)} commands never reached the ERP, such as {missing[:3]}"
    if len(order) < len(journal):
        twice = Counter(journal)
        yield f"I2 duplicate: {len(journal) - len(order)} documents too many, such as {twice.most_common(2)}"
    last: dict[tuple[str, str, str], int] = {}
    for each in sent:
        header = each.header
        at = order.get(header.command_id, -1)
        lane = (header.tenant, header.group_id, header.lane)
        if at < max(last.get(lane, -1), *(order.get(name, -1) for name in header.after), -1):
            yield f"I4 lane order: {header.command_id} reached the ERP before what it comes after"
        last[lane] = at
