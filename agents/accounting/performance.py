"""What was performed of one obligation, by day: the evidence and estimates that its measure of progress reads.

Invariant: a function of the facts alone, whatever order they arrived in; a fact never shows before its own day.
"""

from __future__ import annotations

from collections.abc import Iterable

from tieout.agents.accounting.policy import Switches
from tieout.tables.dated import steps
from tieout.tables.derived import Performance
from tieout.tables.facts import Estimate, Evidence, Facts, Item
from tieout.tables.work import WorkLog


def performance_of(
    item: Item, evidence: Iterable[Evidence], work: WorkLog | None, estimates: Iterable[Estimate]
) -> Performance:
    """What deliveries moved of one promise (606-10-25-30). The facts are those of the promise.

    No rule admits another kind of evidence, work or an estimate yet.
    """
    assert work is None, (item.po, work)
    assert not list(estimates), item.po
    delivered = list(evidence)
    assert all(each.kind == "delivered" for each in delivered), item.po
    return Performance(moved=steps([(each.at, each.qty) for each in delivered]))


def performances(facts: Facts) -> dict[tuple[str, str], Performance]:
    """(contract, po) -> what was performed of it, where anything was."""
    items = {(terms.contract, item.po): item for terms in facts.terms for item in terms.add}
    found: dict[tuple[str, str], list[Evidence]] = {}
    for each in facts.evidence:
        found.setdefault((each.contract, each.po), []).append(each)
    return {key: performance_of(items[key], evidence, None, ()) for key, evidence in found.items()}


SWITCHES: Switches = {"start_gate": ("contract_start",)}
