"""Revenue events without a journal (booked, billed), explained modifications, and exceptions of accepted facts.

Invariant: one booked event per accepted version and one billed event per document that counts, whatever its amount;
ids follow from group, kind and fact.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from tieout.agents.accounting.agreed import Folded, Rebase
from tieout.agents.accounting.decision_table import reasons
from tieout.agents.accounting.opening_balances import OPENING
from tieout.agents.accounting.pauses import ACCESS, BILLING
from tieout.agents.accounting.rounding import rounded_share
from tieout.agents.accounting.service_time import MONTH, span_weight
from tieout.agents.contracts.draft import RULE_VERSION, Draft, ident
from tieout.agents.contracts.orders import stated_price
from tieout.agents.contracts.periods import ground_of
from tieout.agents.contracts.reasons import REASONS
from tieout.avro.events import ContractCorrected, Day, Micros, Minor
from tieout.avro.outcomes import DecisionInput, DecisionRecorded, ExceptionItem, RevenueEvent
from tieout.tables.contract import Arrangement, GroupState, OpenItem
from tieout.tables.documents import DocLine
from tieout.tables.facts import Terms

_RATED_MONTHS = 12
INPUTS_MAX = 64
"""Inputs that the schema of a recorded decision allows."""


def tell_booked(
    state: GroupState, arrangement: Arrangement, terms: Terms, last: Day | None, draft: Draft
) -> None:
    """TCV of a new arrangement with its twelve-month rate (ACV) up to ``last``; later the change of TCV alone."""
    acv = None if last is None else _annual(terms, last)
    cumulative = stated_price(state, arrangement)
    told = terms.contract, terms.treatment
    at = max(terms.at, arrangement.opened) if terms.kind == OPENING else terms.at
    _tell(arrangement, "booked", at, terms.pool, cumulative, draft, acv=acv, told=told)


def tell_priced(state: GroupState, terms: Terms, at: Day, amount: Minor, draft: Draft) -> None:
    """What the price of a change adds to TCV, where it became known after the change."""
    arrangement = state.arrangement(terms.arrangement)
    cumulative = stated_price(state, arrangement)
    told = terms.contract, None
    _tell(arrangement, "booked", at, amount, cumulative, draft, acv=None, told=told)


class Billed(NamedTuple):
    """What a document of a contract moved on an arrangement, without tax; credits are negative.

    ``posting``: the period that it goes to, where that need not be the first that is open in tieout. ``part`` tells apart
    what one decision tells of one arrangement twice.
    """

    contract: str
    at: Day
    amount: Minor
    cumulative: Minor
    posting: str = ""
    part: str = ""


def billed_by(lines: Iterable[DocLine]) -> dict[str, Minor]:
    """Arrangement -> what the lines of a document bill of it."""
    moved: dict[str, Minor] = {}
    for line in lines:
        if line.unconditional:
            amount = -line.amount if line.kind == "credit_memo" else line.amount
            moved[line.arrangement] = moved.get(line.arrangement, 0) + amount
    return moved


def tell_billed(arrangement: Arrangement, billed: Billed, draft: Draft) -> None:
    """Tell what a document bills of an arrangement."""
    where = billed.posting, billed.part
    told = billed.contract, None
    _tell(
        arrangement,
        "billed",
        billed.at,
        billed.amount,
        billed.cumulative,
        draft,
        acv=None,
        told=told,
        where=where,
    )


def tell_modification(
    terms: Terms, folded: Folded, draft: Draft, *, again: bool = False, corrected: bool = False
) -> None:
    """The treatment, why, and the figures it rests on: what was stated, what was frozen, the pool, and each share of it.

    Whether it is prospective, a catch-up or both follows from the facts as they are folded (606-10-25-13); where a later
    fact changed that, it is told ``again``.
    """
    treatment, rebase = terms.treatment, None
    inputs = list(_stated(terms))
    for each in folded.rebases:
        own = (each.contract, each.version) == (terms.contract, terms.version)
        if own or (terms.treatment == each.treatment == "inception"):
            treatment, rebase = each.treatment, each
            inputs += _found(each, folded, terms.at)
    name = (terms.arrangement, str(terms.version)) if again else (terms.arrangement,)
    draft.decisions.append(
        DecisionRecorded(
            decision_id=ident(draft.decision_id, *name),
            outcome="modification_decided",
            tenant=draft.tenant,
            group_id=draft.group_id,
            contract_id=terms.contract,
            event_type=ContractCorrected.EVENT_TYPE if corrected else _EVENT_TYPES[terms.kind],
            fact_id=draft.cause.id,
            contract_version=terms.version,
            treatment=treatment,
            accounting_date=terms.at,
            reasons=reasons(terms, rebase),
            inputs=_folded(inputs),
            detail=f"{terms.arrangement}: {treatment}",
            decided_at=draft.view.now,
            causes=(draft.cause.pointer,),
        )
    )


def _stated(terms: Terms) -> Iterator[DecisionInput]:
    """What the version says, and the dates that its accounting date comes from."""
    yield DecisionInput("approved", str(terms.approved))
    yield DecisionInput("effective", str(terms.effective))
    yield DecisionInput("price_change", str(terms.pool))
    more = terms.more
    if more is None:
        return
    for pause in more.pauses:
        if pause.po in (ACCESS, BILLING):
            yield DecisionInput("paused_from", str(pause.first))
            yield DecisionInput("paused_to", "" if pause.last is None else str(pause.last))
            yield DecisionInput("service_paused", str(pause.po == ACCESS).lower())
    for po, amount in more.line_prices:
        yield DecisionInput(f"price_change/{po}", str(amount))
    if more.past_credit:
        yield DecisionInput("past_credit", str(more.past_credit))
    if more.distinct is not None:
        yield DecisionInput("distinct", "yes" if more.distinct else "no")
    if more.price_open:
        yield DecisionInput("price_status", "open")


def _found(rebase: Rebase, folded: Folded, at: Day) -> Iterator[DecisionInput]:
    """What the fold made of it: who is re-based and who catches up, and every share of its layer."""
    if rebase.credited:
        yield DecisionInput("credited", str(rebase.credited))
    if rebase.performed:
        yield DecisionInput("performed", str(rebase.performed))
    if rebase.taken_back:
        yield DecisionInput("taken_back", str(rebase.taken_back))
    for po in rebase.members if rebase.treatment not in ("inception", "separate") else ():
        yield DecisionInput(f"remaining/{po}", "distinct")
    for po in rebase.caught_up:
        yield DecisionInput(f"remaining/{po}", "not distinct")
    yield DecisionInput("pool", str(rebase.pool))
    step = next(each for each in reversed(folded.layers.steps) if each.from_day <= at)
    for share in step.shares:
        yield DecisionInput(f"frozen/{share.po}", str(share.base))
        yield DecisionInput(f"allocated/{share.po}", str(share.amount))


def exception_of(item: OpenItem, draft: Draft, resolved_at: Micros | None) -> ExceptionItem:
    """The exception of an open item, as it was opened or as it is resolved now."""
    reason = REASONS[item.code]
    return ExceptionItem(
        exception_id=ident(draft.tenant, draft.group_id, item.code, item.fact),
        code=item.code,
        severity=reason.severity,
        owner=reason.owner,
        status="open" if resolved_at is None else "resolved",
        tenant=draft.tenant,
        group_id=draft.group_id,
        contract_id=item.contract,
        scope=item.fact,
        fact_id=item.fact,
        event_type=item.event_type,
        amount_minor=item.amount,
        currency=item.currency,
        opened_at=item.opened_us,
        resolved_at=resolved_at,
        detail=item.detail,
        next_step=reason.next_step,
        causes=(item.cause,),
    )


def _folded(inputs: list[DecisionInput]) -> tuple[DecisionInput, ...]:
    """As many inputs as the schema allows; the last one stands for all that find no room, with their digest."""
    if len(inputs) <= INPUTS_MAX:
        return tuple(inputs)
    kept, rest = inputs[: INPUTS_MAX - 1], inputs[INPUTS_MAX - 1 :]
    digest = ident(*(f"{each.name}={each.value}" for each in rest))
    return (*kept, DecisionInput("further", f"{len(rest)} inputs, blake2b-128 {digest}"))


_EVENT_TYPES = {
    "activate": "contract_activated",
    "opening": "contract_opened_midlife",
    "amend": "contract_amended",
    "renew": "contract_renewed",
    "cancel": "contract_cancelled",
    "suspend": "contract_suspended",
    "resume": "contract_resumed",
    "transfer": "owner_transferred",
}


def _annual(terms: Terms, last: Day) -> Minor:
    """Recurring price over twelve months, half away from zero (facts: ACV is the twelve-month rate)."""
    priced = [item for item in terms.add if item.measure != "amount"]
    recurring = terms.pool
    if all(item.price is not None for item in priced):
        recurring = sum(item.price or 0 for item in priced if item.recurring)
    term = span_weight("months_prorated", terms.at, last)
    return rounded_share(recurring, _RATED_MONTHS * MONTH, term) if term else recurring


def _tell(
    arrangement: Arrangement,
    kind: str,
    at: Day,
    amount: Minor,
    cumulative: Minor,
    draft: Draft,
    *,
    acv: Minor | None,
    told: tuple[str, str | None],
    where: tuple[str, str] = ("", ""),
) -> None:
    """``told``: (contract, treatment of its version). ``where``: posting period and part, where they are not the usual ones."""
    contract, treatment = told
    posting, part = where
    placed = ground_of(draft.view, arrangement).books.placed(at)
    # By position: a record of so many fields takes ten times as long to make by name.
    draft.tell(
        RevenueEvent(
            ident(draft.tenant, draft.group_id, kind, draft.cause.id, arrangement.id, *filter(None, (part,))),
            kind,
            draft.tenant,
            draft.group_id,
            arrangement.id,
            contract,
            None,  # po
            arrangement.entity,
            arrangement.book,
            placed.period,
            posting or placed.posting,
            None,  # service_first
            None,  # service_last
            arrangement.currency,
            amount,
            None,  # functional_amount_minor
            cumulative,
            acv,
            treatment,
            (draft.cause.pointer,),
            draft.decision_id,
            RULE_VERSION,
            (f"entity/{arrangement.entity}@{arrangement.policy_version}",),
            draft.prev_hash,
        )
    )
