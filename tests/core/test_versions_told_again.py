"""A version that is corrected in nothing is the version that was told: every version of every scenario, told again."""

import pytest
from golden.scenario_files import SCENARIOS
from msgspec.structs import replace

from tieout.agents.contracts.decide import decide
from tieout.agents.contracts.decision import CausedBy
from tieout.agents.contracts.invariants import check_whole
from tieout.avro.commands import Cause
from tieout.avro.events import ContractCorrected
from tieout.streams.operate.scenario.running import prepared

CAUSE = CausedBy("again", Cause("inbox", 0, 9_999))
NOT_AGAIN = {"EVENT_UNSUPPORTED", "MOD_UNSUPPORTED"}


def again(terms, contract, like):
    envelope = replace(
        like,
        event_type="contract_corrected",
        object_type="correction",
        object_id=f"K{terms.version}",
        object_version=1,
        contract_id=contract.id,
        legal_entity=contract.entity,
        effective_date=contract.last,
    )
    return ContractCorrected(envelope, contract.currency, terms.version, False, ())  # noqa: FBT003 - as in its schema


def plain(terms):
    """What a version does, without who told it when."""
    return replace(terms, cause=CAUSE.pointer, more=None), said(terms)


def said(terms):
    more = terms.more
    if more is None:
        return None
    more = replace(more, correction=None, told=None)
    return None if more == type(more)() else more


@pytest.mark.parametrize("name", sorted(SCENARIOS))
def test_a_version_that_is_corrected_in_nothing_stays_what_it_is(name):
    steps, player = prepared(SCENARIOS[name])
    played = player.play(steps)
    like = next(step.event.envelope for step in steps if hasattr(step, "event"))
    versions = {(each.contract, each.version): each for each in played.state.facts.terms}
    for terms in versions.values():
        contract = played.state.contract(terms.contract)
        if contract is None:
            continue  # a credit memo that changes the price from its day on
        if terms.more is not None and terms.more.correction is not None:
            continue  # a later correction that says nothing brings back what was told first
        decision = decide(played.state, again(terms, contract, like), played.view, CAUSE)
        if decision.refusal is not None:
            assert decision.refusal.code in NOT_AGAIN, decision.refusal
            continue
        assert decision.outcome in ("applied", "no_effect")
        assert [plain(each) for each in decision.state.facts.terms] == [
            plain(each) for each in played.state.facts.terms
        ]
        now = decision.state.contract(terms.contract)
        assert (now.status, now.first, now.last) == (contract.status, contract.first, contract.last)
        assert [each for each in decision.revenue if each.kind != "booked"] == []
        check_whole(decision.state, played.view)
