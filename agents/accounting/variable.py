"""Variable consideration as it stands on a day: which estimates count, and what each of them reaches (606-10-32-5..14).

Invariant: of one component the highest version dated by the day counts, so that an older estimate stays true for its
time (606-10-32-14); its price goes where it was promised, whatever came later (606-10-32-42..45).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec.structs import replace

from tieout.agents.accounting.agreed import Visible
from tieout.avro.events import Day, Minor
from tieout.tables.dated import Steps, levels, steps
from tieout.tables.facts import Component

_ESTIMATE = "estimate\x1f"
NOTHING_SEEN = Visible({}, {})


def standing_components(components: Iterable[Component], day: Day) -> dict[str, Component]:
    """Component id -> its version that counts on a day."""
    found: dict[str, Component] = {}
    for each in components:
        known = found.get(each.id)
        if each.at <= day and (known is None or each.version > known.version):
            found[each.id] = each
    return found


def visible(components: Iterable[Component], day: Day) -> Visible:
    """What reaches versions and obligations, as seen on a day."""
    standing = standing_components(components, day)
    by_ref: dict[str, Minor] = {}
    by_po: dict[str, tuple[str, Minor]] = {}
    for each in standing.values():
        if each.reach == "version":
            by_ref[each.ref] = by_ref.get(each.ref, 0) + each.amount
        elif each.reach == "obligation":
            by_po[each.id] = (each.ref, each.amount)
    return Visible(by_ref, by_po)


def reaching(
    components: Iterable[Component], versions: Mapping[str, Day], obligations: Mapping[str, Day]
) -> tuple[Component, ...]:
    """The components that layers hold, none earlier than what it reaches; in the order of id and version.

    ``versions`` and ``obligations``: since when each stands. A component whose reach is not there yet waits for it.
    """
    held: list[Component] = []
    for each in components:
        if each.reach == "version":
            since = versions.get(each.ref)
        elif each.reach == "obligation":
            since = obligations.get(each.ref)
        else:
            continue
        if since is not None:
            held.append(each if each.at >= since else replace(each, at=since))
    return tuple(sorted(held, key=lambda component: (component.id, component.version)))


def estimate_id(contract: str, name: str) -> str:
    """Component id of an estimate: no document's source object has this text."""
    return f"{_ESTIMATE}{contract}\x1f{name}"


def taken_back(components: Iterable[Component]) -> Steps:
    """What components take off the price and billing may have to give back, by day (606-10-32-10).

    Refundable estimates, and price effects of documents and of change orders; of one component the version that counts on
    a day.
    """
    dated: list[tuple[Day, Minor]] = []
    versions: dict[str, list[tuple[int, Day, int]]] = {}
    for each in components:
        if each.refundable or not (each.id.startswith(_ESTIMATE) or each.reach == "none"):
            versions.setdefault(each.id, []).append((each.version, each.at, max(0, -each.amount)))
    for known in versions.values():
        before = 0
        for at, amount in zip(*levels(known), strict=True):
            dated.append((at, amount - before))
            before = amount
    return steps(dated)
