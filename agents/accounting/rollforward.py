"""Opening balance, what moved it, closing balance, of each balance that is disclosed (606-10-50-8..10, 50-13).

Invariants: opening and moves add up to closing; the contract liability and the contract asset of an arrangement are moved
by the same four things (billed, advances, recognised, refunds), and what crosses from one to the other is in both rows.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import NamedTuple

from tieout.agents.accounting.agreement import contracts_of
from tieout.agents.accounting.dated_amounts import amounts_by_po
from tieout.agents.accounting.invariant import InvariantBroken
from tieout.agents.accounting.receivables import account_of
from tieout.agents.accounting.remaining import RATED, Remaining
from tieout.agents.accounting.targets import Targets
from tieout.avro.events import Day, Minor
from tieout.tables.contract import Arrangement, GroupState

OF_ADVANCES = ("advance", "refund")
"""Kinds of movements by which cash, and no document, moves what is due (Example 38)."""


class Roll(NamedTuple):
    """One balance over some days. ``moves``: name -> amount, none of them 0, in the sign of the balance."""

    opening: Minor
    moves: Mapping[str, Minor]
    closing: Minor


class Rollforward(NamedTuple):
    """The balances of one arrangement over some days.

    ``from_opening``: revenue that was in the contract liability when they began (50-8(b)).
    """

    contract_liability: Roll
    contract_asset: Roll
    refund_liability: Roll
    remaining: Roll
    from_opening: Minor


def rollforward(
    state: GroupState, arrangement: Arrangement, first: Day, last: Day, exempt: Collection[str] = RATED
) -> Rollforward:
    """What the days first..last moved, as the facts stand. Receivables are per contract: ``receivable_roll``."""
    targets, remaining = Targets(state, arrangement), Remaining(state, arrangement, exempt)
    before, after = targets.at(first - 1), targets.at(last)
    recognised = after.recognised - before.recognised
    advances = _advanced(state, arrangement, first, last)
    refunds = after.refund_liability - before.refund_liability
    billed = after.due - before.due - advances
    opening = before.contract_liability - before.contract_asset
    closing = after.contract_liability - after.contract_asset
    moves = {"recognised": -recognised, "billed": billed, "advances": advances, "refunds": -refunds}
    amounts = amounts_by_po(state, arrangement.id).values()
    used = sum([each.by(last) - each.by(first - 1) for each in amounts])
    left, still = remaining.total(first - 1), remaining.total(last)
    earned = recognised - used
    return Rollforward(
        contract_liability=_roll(max(opening, 0), _side(opening, closing, moves, 1), max(closing, 0)),
        contract_asset=_roll(max(-opening, 0), _side(opening, closing, moves, -1), max(-closing, 0)),
        refund_liability=_roll(
            before.refund_liability,
            {"taken_back": max(refunds, 0), "settled": min(refunds, 0)},
            after.refund_liability,
        ),
        remaining=_roll(left, {"agreed": still - left + earned, "recognised": -earned}, still),
        from_opening=max(0, min(before.contract_liability, recognised)),
    )


def receivable_roll(state: GroupState, contract_id: str, first: Day, last: Day) -> Roll:
    """The receivable of a contract, with tax; its moves by kind: charge, credit, payment, advance, write_off ..."""
    contract = state.contract(contract_id)
    assert contract is not None, contract_id
    account = account_of(state, contract)
    moves: dict[str, Minor] = {}
    for moved in account.movements:
        if first <= moved.at <= last:
            moves[moved.kind] = moves.get(moved.kind, 0) + moved.receivable
    return _roll(account.receivable.by(first - 1), moves, account.receivable.by(last))


def _side(opening: Minor, closing: Minor, moves: Mapping[str, Minor], sign: int) -> dict[str, Minor]:
    """The moves of the liability (``sign`` 1) or of the asset (-1), of what moved both together.

    Where the balance stays on one side all moves are on it. Where it changes sides, what moved it most that way takes it
    over, revenue before billing: of that move each side has its own part.
    """
    begins, ends = max(sign * opening, 0), max(sign * closing, 0)
    if not begins and not ends:
        here = sign > 0 and not opening and not closing
        return {name: amount for name, amount in moves.items() if here}
    own = {name: sign * amount for name, amount in moves.items()}
    if opening * closing >= 0:
        return own
    over = min(moves, key=lambda name: moves[name] if closing < 0 else -moves[name])
    if begins:
        return own | {over: own[over] + ends - begins - sum(own.values())}
    return {over: ends}


def _advanced(state: GroupState, arrangement: Arrangement, first: Day, last: Day) -> Minor:
    named = contracts_of(arrangement)
    return sum(
        [
            moved.due
            for contract in state.group.contracts
            if contract.id in named
            for moved in account_of(state, contract).movements
            if moved.arrangement == arrangement.id and first <= moved.at <= last and moved.kind in OF_ADVANCES
        ]
    )


def _roll(opening: Minor, moves: Mapping[str, Minor], closing: Minor) -> Roll:
    if opening + sum(moves.values()) != closing:
        raise InvariantBroken(f"{opening} and {moves} do not add up to {closing}")
    return Roll(opening, {name: amount for name, amount in moves.items() if amount}, closing)
