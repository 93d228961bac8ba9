"""What people have to look at while it stands: work and billing that do not add up, contracts that will lose money,
changes that wait for approval or lack an input.

Invariant: an alert is a function of the facts and changes no amount; it opens and closes with the facts, whatever order
they arrived in.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from tieout.agents.accounting.agreement import done_of, layers_of
from tieout.agents.accounting.change_orders import pending
from tieout.agents.accounting.collectability import doubtful
from tieout.agents.accounting.credited_invoices import over_credited
from tieout.agents.accounting.dated_amounts import amounts_by_po
from tieout.agents.accounting.decision_table import ASSUMED
from tieout.agents.accounting.financing import first_gap, is_near, is_within_reach
from tieout.agents.accounting.layers import assumed_in
from tieout.agents.accounting.modification import opens
from tieout.agents.accounting.receivables import account_of
from tieout.agents.accounting.targets import Targets
from tieout.avro.days import iso
from tieout.avro.events import Day, Minor
from tieout.tables.contract import Arrangement, GroupState
from tieout.tables.derived import Performance
from tieout.tables.facts import Evidence
from tieout.tables.layers import Share

FINANCING, OVER_PRICE = "FINANCING_SUSPECTED", "BILLED_OVER_PRICE"
LOSS, NO_EXPECTED_COST, OVER_EXPECTED_COST = "CONTRACT_LOSS", "EAC_MISSING", "EVIDENCE_OVER_SCOPE"
DOWN, REJECTED, UNPROMISED = "PROGRESS_DOWN", "ACCEPTANCE_REJECTED", "EVIDENCE_UNKNOWN_PO"
DOUBTFUL = "COLLECTABILITY_FAILED"
OVER_INVOICE = "VALUE_INVALID"
NOT_APPROVED, BELOW_NOTHING = "MOD_PENDING", "RECOGNISED_NEGATIVE"
RAISED_BY = {
    LOSS: "progress_updated",
    NO_EXPECTED_COST: "cost_incurred",
    OVER_EXPECTED_COST: "cost_incurred",
    DOWN: "progress_updated",
    REJECTED: "acceptance_rejected",
    UNPROMISED: "contract_corrected",
    DOUBTFUL: "collectability_reassessed",
    FINANCING: "invoice_posted",
    OVER_PRICE: "invoice_posted",
    OVER_INVOICE: "credit_memo_issued",
    NOT_APPROVED: "change_order_submitted",
    BELOW_NOTHING: "contract_amended",
    **dict.fromkeys(ASSUMED, "contract_amended"),
}
"""Code -> the type of the events that it is about."""

OF_BILLING = frozenset({FINANCING, OVER_PRICE})
"""Codes that compare billing with what was agreed and performed: one alert of an arrangement at most."""
OF_DOCUMENTS = OF_BILLING | {OVER_INVOICE}
"""Codes that documents open and end; all others follow from what was agreed and performed."""
EVER: Day = -(2**31)
"""Before any day."""


class Alert(NamedTuple):
    """One thing to look at. ``fact`` is the promise (contract and po), the arrangement or, by its number, the invoice.

    ``amount`` in minor units.
    """

    code: str
    fact: str
    arrangement: str
    amount: Minor
    detail: str


def standing(state: GroupState) -> list[Alert]:
    """All alerts of a group as its facts stand, in the order of code and fact."""
    found = [*of_performance(state), *of_credits(state)]
    for arrangement in state.group.arrangements:
        if not is_unremarkable(state, arrangement, EVER):
            found += of_billing(state, arrangement, EVER)
    return sorted(found)


def of_performance(state: GroupState) -> list[Alert]:
    """Alerts about work, goods and what they cost, and about what was agreed, in the order of code and fact."""
    if not _is_watched(state):
        return []
    found: list[Alert] = []
    for arrangement in state.group.arrangements:
        done = done_of(state, arrangement)
        for po, performance in done.items():
            found += _of_progress(arrangement, po, performance)
        found += _expected_loss(state, arrangement, done)
    found += _rejections(state)
    found += _doubts(state)
    found += _changes(state)
    if _is_corrected(state):
        found += _unpromised(state)
    return sorted(found)


def is_unremarkable(state: GroupState, arrangement: Arrangement, since: Day) -> bool:
    """Nothing about billing of an arrangement has to be judged: documents are within its price, payments within a year."""
    if not (state.documents.lines or state.documents.cash):
        return True
    if not _is_within_price(state, arrangement):
        return False
    return is_near(state, arrangement, since) or is_within_reach(state, arrangement, since)


def of_billing(state: GroupState, arrangement: Arrangement, since: Day) -> list[Alert]:
    """Alerts about billing of one arrangement; of payments only those from ``since`` on are looked at.

    Asked where it is not unremarkable.
    """
    found = list(_over_price(state, arrangement))
    gap = first_gap(state, arrangement, since)
    if gap is not None:
        payment, how = gap
        detail = f"{payment.name!r} {how}"
        found.append(Alert(FINANCING, arrangement.id, arrangement.id, 0, detail))
    return found


def of_credits(state: GroupState) -> Iterator[Alert]:
    """Invoices that are credited, given up or disputed for more than they come to, by facts of which each is within."""
    for each in over_credited(state):
        contract = state.contract(each.contract)
        assert contract is not None, each
        detail = f"{each.over} more than the {each.stated} of invoice {each.invoice!r} is {each.how} in all"
        yield Alert(OVER_INVOICE, f"doc:{each.invoice}", contract.first_arrangement, each.over, detail)


def _over_price(state: GroupState, arrangement: Arrangement) -> Iterator[Alert]:
    """More is billed than was ever agreed, and no fact took it back (606-10-32-2, 45-2): it stays a contract liability."""
    if _is_within_price(state, arrangement):
        return
    targets, day = Targets(state, arrangement), state.extent.last
    paid_ahead = sum(
        [
            account_of(state, contract).advances.total
            for contract in state.group.contracts
            if contract.first_arrangement == arrangement.id
        ]
    )
    price, taken_back = targets.agreed_price(day), targets.taken_back(day)
    over = targets.due(day) - paid_ahead - price - taken_back
    if over > 0:
        detail = f"{over} is billed over the price of {price}"
        yield Alert(OVER_PRICE, arrangement.id, arrangement.id, over, detail)


def _is_within_price(state: GroupState, arrangement: Arrangement) -> bool:
    """Documents come to no more than the fixed price and what was used, and no component or act moves either."""
    if state.facts.components or state.documents.acts:
        return False
    steps = layers_of(state, arrangement).steps
    price = sum([share.base + share.amount for share in steps[-1].shares]) if steps else 0
    due = state.extent.tally.due_of(arrangement.id)
    if due <= price:
        return True
    used = amounts_by_po(state, arrangement.id).values()
    return due <= price + sum([amounts.by(state.extent.last) for amounts in used])


def _is_watched(state: GroupState) -> bool:
    facts = state.facts
    return (
        bool(facts.estimates or facts.assessments or state.work)
        or any(not opens(each) for each in facts.terms)
        or any(each.reach == "none" for each in facts.components)
        or state.extent.tally.shows("rejected")
        or _is_corrected(state)
    )


def _changes(state: GroupState) -> Iterator[Alert]:
    """Changes that nobody approved yet (606-10-25-10), and what later facts made of versions: one that stands on an
    assumption, a line of which more was taken back than it had left to earn.
    """
    for each in pending(state):
        detail = f"change {each.name!r} is asked for and not approved"
        yield Alert(NOT_APPROVED, f"{each.contract}/{each.name}", each.arrangement, each.amount, detail)
    modified = {each.arrangement for each in state.facts.terms if not opens(each)}
    for arrangement in state.group.arrangements:
        if arrangement.id in modified:
            layers = layers_of(state, arrangement)
            assumed = assumed_in(layers)
            for (contract, version), code in assumed.items():
                detail = f"version {version}: {ASSUMED[code]}"
                yield Alert(code, f"{contract}@{version}", arrangement.id, 0, detail)
            if layers.steps and not assumed:
                yield from _below_nothing(arrangement, layers.steps[-1].shares)


def _below_nothing(arrangement: Arrangement, shares: Iterable[Share]) -> Iterator[Alert]:
    """Lines of which more was taken back than they had left to earn, as later facts show."""
    for share in shares:
        earned = share.base + share.amount
        if earned < 0:
            detail = f"line {share.po!r} earns {earned} in all: more was taken back than it had left to earn"
            yield Alert(BELOW_NOTHING, f"{arrangement.id}/{share.po}", arrangement.id, -earned, detail)


def _is_corrected(state: GroupState) -> bool:
    return any(each.more is not None and each.more.correction is not None for each in state.facts.terms)


def _of_progress(arrangement: Arrangement, po: str, done: Performance) -> Iterator[Alert]:
    """Progress that cannot be measured, is over, or was estimated lower than before (606-10-25-31..37)."""
    fact = f"{arrangement.id}/{po}"
    spent = done.cost.total + done.uninstalled.total
    if spent and not done.eac.values:
        detail = f"{spent} was spent on line {po!r}, whose expected cost is not known: it earns nothing (606-10-25-36)"
        yield Alert(NO_EXPECTED_COST, fact, arrangement.id, spent, detail)
    elif spent and spent > done.eac.values[-1]:
        detail = f"{spent} was spent on line {po!r}, {done.eac.values[-1]} expected in all"
        yield Alert(OVER_EXPECTED_COST, fact, arrangement.id, spent - done.eac.values[-1], detail)
    if len(done.percent.values) > 1 and done.percent.values[-1] < done.percent.values[-2]:
        before, now = done.percent.values[-2:]
        detail = f"line {po!r} went from {before} to {now} millionths complete"
        yield Alert(DOWN, fact, arrangement.id, 0, detail)


def _expected_loss(state: GroupState, arrangement: Arrangement, done: dict[str, Performance]) -> list[Alert]:
    """Promises measured by cost that are expected to cost more, together, than they earn (605-35-25-45..47)."""
    expected = {po: each.eac.values[-1] for po, each in done.items() if each.eac.values}
    if not expected:
        return []
    allocation = Targets(state, arrangement).allocation(state.extent.last)
    price = sum([allocation.get(po, 0) for po in expected])
    cost = sum(expected.values())
    if cost <= price:
        return []
    detail = f"lines {sorted(expected)} are expected to cost {cost}, and to earn {price}"
    return [Alert(LOSS, arrangement.id, arrangement.id, cost - price, detail)]


def _doubts(state: GroupState) -> Iterator[Alert]:
    """Contracts from which collecting is not probable, as it was assessed last (606-10-25-1(e))."""
    for contract in state.group.contracts if state.facts.assessments else ():
        spans = doubtful(state.facts.assessments, (contract.id,))
        if spans and spans[-1][1] is None:
            detail = f"collecting from contract {contract.id!r} is not probable from {iso(spans[-1][0])} on"
            yield Alert(DOUBTFUL, contract.id, contract.first_arrangement, 0, detail)


def _rejections(state: GroupState) -> Iterator[Alert]:
    """Goods or work that were rejected and not accepted since (606-10-55-85..88)."""
    last: dict[tuple[str, str], Evidence] = {}
    for each in state.facts.evidence if state.extent.tally.shows("rejected") else ():
        if each.kind == "rejected":
            known = last.get((each.contract, each.po))
            if known is None or known.at < each.at:
                last[each.contract, each.po] = each
    for (contract, po), rejected in last.items():
        accepted = (
            each.at
            for each in state.facts.evidence
            if each.kind == "accepted" and (each.contract, each.po) == (contract, po)
        )
        if all(at < rejected.at for at in accepted):
            home = _home(state, contract, po)
            if home is None:
                continue
            yield Alert(
                REJECTED, f"{home}/{po}", home, 0, f"line {po!r} was not accepted on {iso(rejected.at)}"
            )


def _unpromised(state: GroupState) -> Iterator[Alert]:
    """Facts of lines that no version promises any more, because it was withdrawn or corrected: they earn nothing."""
    about = {(each.contract, each.po) for each in state.facts.evidence}
    about |= {(each.contract, each.po) for each in state.facts.estimates}
    about |= {(each.contract, each.po) for each in state.work}
    about |= {(each.contract, each.po) for each in state.usage}
    for contract, po in about:
        if _home(state, contract, po) is None:
            first = next(each for each in state.facts.terms if each.contract == contract)
            detail = f"line {po!r} is no longer promised: what was told of it counts for nothing"
            yield Alert(UNPROMISED, f"{contract}/{po}", first.arrangement, 0, detail)


def _home(state: GroupState, contract: str, po: str) -> str | None:
    """The arrangement of a promise; None for one that no version promises any more."""
    return next(
        (
            terms.arrangement
            for terms in state.facts.terms
            if terms.contract == contract and any(item.po == po for item in terms.add)
        ),
        None,
    )
