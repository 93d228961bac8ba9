"""What goes wrong: refused contracts, versions and facts, gaps, copies, conflicts, disorder.

Invariant: every injury names how its event ends (fate and code), and what follows from an event that never counts
is taken out of the story or waits with it, so that the truth stays the truth.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import Random

from msgspec.structs import replace

from tieout.avro.events import (
    ContractActivated,
    ContractAmended,
    ContractCancelled,
    ContractRenewed,
    Event,
    GoodsDelivered,
    InvoicePosted,
    UsageRated,
)
from tieout.streams.operate.generate.reference_rows import (
    UNKNOWN_CURRENCY,
    UNKNOWN_ENTITY,
    UNMAPPED_PRODUCT,
)
from tieout.streams.operate.generate.sealing import contradict, resend
from tieout.streams.operate.generate.sketch import Sketch
from tieout.streams.operate.generate.truth import Copy, Fate, Planned
from tieout.streams.operate.generate.versions import amendment

VERSIONS = (ContractActivated, ContractAmended, ContractRenewed, ContractCancelled)
DISPLACED_MAX = 2_000
"""Positions by which an event may come late: more than one fetch, less than a day."""
LATER_FACT_DAYS = 9


def injure(sketch: Sketch) -> list[Planned]:
    """The contract's story with at most one injury of its versions, in the order of recording."""
    mix = sketch.mix
    spoiled = sketch.rng.random()
    if spoiled < mix.spoiled_contract:
        return _spoil_contract(sketch)
    if spoiled < mix.spoiled_contract + mix.spoiled_version:
        _spoil_version(sketch)
    elif spoiled < mix.spoiled_contract + mix.spoiled_version + mix.spoiled_fact:
        _spoil_fact(sketch)
    story = _in_order(sketch)
    versions = [each for each in story if isinstance(each.event, VERSIONS)]
    if len(versions) > 1 and all(each.fate is Fate.APPLIED for each in versions):
        gap = sketch.rng.random() * len(versions) / 2
        if gap < mix.gap_for_ever * 4:
            return _never_fill(sketch, story, versions)
        if gap < (mix.gap_for_ever + mix.gap_late) * 4:
            sketch.rng.choice(versions[:-1]).late = True
        elif sketch.chance(mix.version_first):
            sketch.rng.choice(versions[:-1]).displace = sketch.rng.randint(20, DISPLACED_MAX)
    return story


def _in_order(sketch: Sketch) -> list[Planned]:
    return [planned for _, _, planned in sorted(sketch.story, key=lambda entry: entry[:2])]


def _first_line(event: ContractActivated, **changes: object) -> ContractActivated:
    return replace(event, lines=(replace(event.lines[0], **changes), *event.lines[1:]))


_SPOILED_ACTIVATIONS: Mapping[str, tuple[str, Callable[[ContractActivated], ContractActivated]]] = {
    "negative quantity": (
        "VALUE_INVALID",
        lambda event: _first_line(event, quantity=-event.lines[0].quantity),
    ),
    "unknown currency": ("VALUE_INVALID", lambda event: replace(event, currency=UNKNOWN_CURRENCY)),
    "dates reversed": (
        "DATES_INVALID",
        lambda event: replace(event, start_date=event.end_date, end_date=event.start_date),
    ),
    "unmapped product": ("PRODUCT_UNMAPPED", lambda event: _first_line(event, product=UNMAPPED_PRODUCT)),
    "unknown entity": (
        "ENTITY_UNRESOLVED",
        lambda event: replace(event, envelope=replace(event.envelope, legal_entity=UNKNOWN_ENTITY)),
    ),
    "breakage of what is not drawn down": (
        "EVENT_UNSUPPORTED",
        lambda event: _first_line(event, breakage_ppm=50_000),
    ),
}


def _spoil_contract(sketch: Sketch) -> list[Planned]:
    """The activation is refused with a named code; all that follows waits for it."""
    code, spoil = _SPOILED_ACTIVATIONS[sketch.rng.choice(sorted(_SPOILED_ACTIVATIONS))]
    story = _in_order(sketch)
    for planned in story:
        planned.fate, planned.code = Fate.WAITING, None
        if isinstance(planned.event, ContractActivated):
            planned.event, planned.code = spoil(planned.event), code
    return story


_SPOILED_AMENDMENTS: Mapping[str, tuple[str, Callable[[ContractAmended], Event]]] = {
    "negative quantity": ("VALUE_INVALID", lambda event: _added(event, quantity=-4)),
    "dates reversed": ("DATES_INVALID", lambda event: _added(event, reverse=True)),
    "unmapped product": ("PRODUCT_UNMAPPED", lambda event: _added(event, product=UNMAPPED_PRODUCT)),
    "not approved": ("MOD_PENDING", lambda event: replace(event, approved_date=None)),
    "takes back more than is left": (
        "MOD_NEGATIVE_REMAINING",
        lambda event: replace(event, price_change_minor=-(10**13)),
    ),
    "base that is not the last": (
        "VERSION_BASE_MISMATCH",
        lambda event: replace(event, base_version=event.base_version + 7),
    ),
    "action that no rule covers": ("MOD_UNSUPPORTED", lambda event: replace(event, actions=("bundle_swap",))),
}


def _added(event: ContractAmended, *, reverse: bool = False, **changes: object) -> ContractAmended:
    line = replace(event.add[0], **changes)
    if reverse:
        line = replace(line, from_date=line.to_date, to_date=line.from_date)
    return replace(event, add=(line,))


def _spoil_version(sketch: Sketch) -> None:
    """One more version that is refused, sometimes followed by a good one that waits behind it."""
    versions = [planned.event for _, _, planned in sketch.story if isinstance(planned.event, VERSIONS)]
    last = versions[-1]
    timed = [each for each in sketch.timed() if each.version == 1]
    at = last.envelope.effective_date + 10
    if isinstance(last, ContractCancelled | ContractRenewed) or not timed or at > timed[0].last - 20:
        return
    kind = sketch.rng.choice((*sorted(_SPOILED_AMENDMENTS), "second activation"))
    price = max(1, timed[0].price // 20)
    extra = replace(timed[0].line(), po="X1", from_date=at, price_minor=price, quantity=1)
    amended = amendment(sketch, at, effective=at, approved=at, price_change=price)
    event = replace(amended, add=(extra,), reason=kind)
    spoiled: Event
    if kind == "second activation":
        code, spoiled = "VERSION_BASE_MISMATCH", _activate_again(sketch, event)
    else:
        code, spoil = _SPOILED_AMENDMENTS[kind]
        spoiled = spoil(event)
    planned = sketch.tell(at, spoiled)
    planned.fate, planned.code = Fate.WAITING, code
    if sketch.chance(0.4):
        later = amendment(sketch, at + 5, effective=at + 5, approved=at + 5, price_change=price)
        sketch.tell(at + 5, later).fate = Fate.WAITING


def _activate_again(sketch: Sketch, event: ContractAmended) -> ContractActivated:
    """The activation of a contract that runs already, under the next version number."""
    activation = next(p.event for _, _, p in sketch.story if isinstance(p.event, ContractActivated))
    return replace(activation, envelope=replace(event.envelope, event_type="contract_activated"))


def _spoil_fact(sketch: Sketch) -> None:
    """One fact that is refused on its own; everything else goes on."""
    at = min(sketch.start + LATER_FACT_DAYS, sketch.last_day)
    kind = sketch.rng.choice(("ghost delivery", "ghost meter", "negative usage", "invoice in no currency"))
    fact_id = f"{sketch.contract_id}-X{len(sketch.story) + 1:04}"
    event: Event
    code = "EVIDENCE_UNKNOWN_PO"
    if kind == "ghost delivery":
        envelope = sketch.envelope("goods_delivered", fact_id, 1, at, at)
        event = GoodsDelivered(envelope=envelope, po="GHOST", quantity=None, quantity_scale=0)
    elif kind == "invoice in no currency":
        envelope = sketch.envelope("invoice_posted", fact_id, 1, at, at)
        template = next((p.event for _, _, p in sketch.story if isinstance(p.event, InvoicePosted)), None)
        if template is None:
            return
        event = replace(template, envelope=envelope, invoice_number=fact_id, currency=UNKNOWN_CURRENCY)
        code = "VALUE_INVALID"
    else:
        meters = [each.meter for each in sketch.promises if each.product.measure == "amount"]
        negative = kind == "negative usage" and bool(meters)
        code = "VALUE_INVALID" if negative else code
        event = UsageRated(
            envelope=sketch.envelope("usage_rated", fact_id, 1, at, at),
            currency=sketch.currency,
            meter=meters[0] if negative else "meter-GHOST",
            usage_from=at,
            usage_to=at,
            quantity=-5 if negative else 5,
            quantity_scale=0,
            amount_minor=500,
        )
    planned = sketch.tell(at, event)
    planned.fate, planned.code = Fate.WAITING, code


def _never_fill(sketch: Sketch, story: list[Planned], versions: list[Planned]) -> list[Planned]:
    """One version never comes: later ones wait for ever, and what followed from any of them never happened.

    It is never the last version, whose absence nobody could notice. Where it is the activation, all else waits.
    """
    missing = sketch.rng.choice(versions[:-1])
    number = missing.event.envelope.object_version
    missing.delivered = False
    for planned in story if number == 1 else versions:
        if number == 1 or planned.event.envelope.object_version >= number:
            planned.fate, planned.code = Fate.WAITING, None
    if number == 1:
        return story
    return [each for each in story if isinstance(each.event, VERSIONS) or each.about < number]


def disturb(rng: Random, sketch: Sketch, planned: Planned) -> None:
    """Displace the (sealed) event, and add the copies that arrive behind it."""
    mix = sketch.mix
    if planned.displace == 0 and rng.random() < mix.displaced:
        planned.displace = rng.randint(1, DISPLACED_MAX)
    if planned.fate is Fate.WAITING:
        return
    copies = []
    if rng.random() < mix.duplicate:
        copies.append(Copy(planned.event, Fate.DUPLICATE, rng.randint(1, 500)))
    if rng.random() < mix.resent:
        copies.append(Copy(resend(planned.event, 1), Fate.DUPLICATE, rng.randint(1, 3_000)))
    if rng.random() < mix.conflict:
        copies.append(Copy(contradict(planned.event), Fate.CONFLICT, rng.randint(1, 500)))
    planned.copies = tuple(copies)
