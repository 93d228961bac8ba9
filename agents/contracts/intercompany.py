"""Claims between the entities that perform one contract: two journals that mirror each other, one in each entity's books.

Invariants: each of the two balances by itself, against the liability to the customer that passes from one to the other;
both carry the claim's ``mirror_id``, whatever decision and period each is posted in, so that what they add up to can be
eliminated (ASC 810-10-45-1).
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from msgspec.structs import replace

from tieout.agents.accounting.ledger_targets import LIABILITY, PAYABLE
from tieout.agents.contracts.draft import Draft, Posting
from tieout.agents.contracts.journals import CLAIM_CLASSES, Line
from tieout.agents.contracts.ledgers import Kept
from tieout.agents.contracts.standing_versions import parties_of
from tieout.avro.commands import CommandHeader, CustomerUpsert
from tieout.tables.contract import GroupState, Upsert
from tieout.tables.facts import Party


def split_claims(lines: list[Line]) -> Iterator[tuple[str, list[Line]]]:
    """(other entity, lines) of each claim, then the rest under an empty name; all of one posting period, sorted."""
    claims: dict[str, list[Line]] = {}
    rest = {(line.period, line.account_class, line.po): line for line in lines}
    for line in lines:
        if line.account_class not in CLAIM_CLASSES:
            continue
        sign = -1 if line.account_class == PAYABLE else 1
        against = line._replace(
            account_class=LIABILITY,
            po="",
            amount=sign * line.amount,
            functional=None if line.functional is None else sign * line.functional,
        )
        claims.setdefault(line.po, []).extend((against, line))
        del rest[line.period, line.account_class, line.po]
        key = line.period, LIABILITY, ""
        left = _less(rest.get(key, against._replace(amount=0, functional=against.functional and 0)), against)
        if left.amount or left.functional:
            rest[key] = left
        else:
            rest.pop(key, None)
    for other in sorted(claims):
        yield other, sorted(claims[other])
    if rest:
        yield "", sorted(rest.values())


def _less(line: Line, taken: Line) -> Line:
    functional = None
    if line.functional is not None and taken.functional is not None:
        functional = line.functional - taken.functional
    return line._replace(amount=line.amount - taken.amount, functional=functional)


def customer_known(state: GroupState, kept: Kept, draft: Draft) -> tuple[GroupState, tuple[str, ...]]:
    """Make sure that the performing entity's ERP account knows the customer; what its first journal comes after."""
    arrangement, entity = kept.arrangement, kept.ground.entity
    contract = state.contract(arrangement.contract)
    assert contract is not None, arrangement.id
    books = kept.ground.books
    assert books.horizon is not None, arrangement.id
    placed = books.placed(books.horizon)
    where = Posting(arrangement, entity, placed.posted_on, placed.posting)
    upserts, after = list(state.group.upserts), []
    known = {(each.erp_account, each.customer, each.bill_to) for each in upserts}
    for party in parties_of(state, contract, placed.posted_on):
        wanted = entity.erp_account, party.customer, party.bill_to
        if wanted not in known:
            known.add(wanted)
            said = draft.say(partial(_upsert, party), CustomerUpsert.KIND, "master", where)
            upserts.append(Upsert(*wanted, said.header.command_id))
            after.append(said.header.command_id)
    if not after:
        return state, ()
    upserts.sort(key=lambda each: (each.erp_account, each.customer, each.bill_to or ""))
    return replace(state, group=replace(state.group, upserts=tuple(upserts))), tuple(after)


def _upsert(party: Party, header: CommandHeader) -> CustomerUpsert:
    return CustomerUpsert(header, party.customer, party.bill_to)
