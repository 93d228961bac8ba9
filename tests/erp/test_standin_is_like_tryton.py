"""The stand-in is checked against the real thing: the same commands in the same order have the same outcomes and balances."""

from __future__ import annotations

import random
import secrets

import pytest
from erp.contract_commands import ContractCommands, hashed
from erp.port_contract import moved
from erp.standin_ground import StandinGround, started
from msgspec.structs import replace

from tieout.agents.posting.answers import Accepted
from tieout.streams.edges.erp.standin import StandinErp

pytestmark = pytest.mark.erp

COMMANDS = 40


def sequence(names, name: str, seed: int) -> list:
    """A life of one contract with mistakes: repeated, changed, unbalanced, unknown, late and out of order."""
    rng = random.Random(seed)
    contract = ContractCommands(names, name)
    said = [contract.customer(), contract.order()]
    makers = (
        lambda: contract.journal(rng.randrange(1, 10**9)),
        lambda: contract.journal(rng.randrange(1, 10**6), currency="JPY"),
        lambda: contract.journal(100, credit=99),
        lambda: contract.journal(100, revenue="no-such-account"),
        lambda: contract.journal(100, day=names.closed_day, period=names.closed_period),
        lambda: contract.invoice(
            rng.randrange(1, 10**6), rng.randrange(10**5), suffix=f"-{rng.randrange(6)}"
        ),
        lambda: contract.memo(rng.randrange(1, 10**6), 0, suffix=f"-{rng.randrange(6)}"),
        lambda: contract.invoice_void(suffix=f"-{rng.randrange(6)}"),
        lambda: contract.memo_void(suffix=f"-{rng.randrange(6)}"),
        lambda: contract.reversal(rng.choice([each for each in said if each.header.kind == "journal.post"])),
        lambda: rng.choice(said),
        lambda: hashed(
            replace(rng.choice(said[1:]), header=replace(said[1].header, posting_period="2025-04"))
        ),
        contract.order_update,
        contract.order_hold,
        contract.order_release,
    )
    said.append(contract.journal(1))
    while len(said) < COMMANDS:
        said.append(rng.choice(makers)())
    return [*said, contract.order_cancel(), contract.order_update()]


async def outcomes(erp, commands) -> list[str]:
    """What came of each, in our own words; a document's number is the ERP's own affair."""
    told = []
    for command in commands:
        (answer,) = await erp.post([command])
        if isinstance(answer, Accepted):
            said = f"accepted {answer.posted_on} duplicate={answer.duplicate}"
        else:
            said = f"{answer.kind} {answer.reason}"
        told.append(f"{command.header.kind} {command.header.command_id[:6]}: {said}")
    return told


@pytest.mark.parametrize("seed", range(3))
async def test_the_same_commands_have_the_same_outcomes_and_balances(
    tryton_with_closed_january, tmp_path, seed
):
    real = tryton_with_closed_january
    commands = sequence(real.names, secrets.token_hex(6), seed)
    tried = []
    with started(tmp_path) as process:
        for ground in (real, StandinGround(process, lambda url, key, seconds: StandinErp(url, key=key))):
            erp = ground.connect(ground.url)
            before = await ground.books()
            try:
                tried.append((await outcomes(erp, commands), moved(before, await ground.books())))
                found = await erp.find(commands)
                tried[-1] += ([each and each.state for each in found],)
            finally:
                await erp.close()
    (real_outcomes, real_books, real_states), (outcomes_here, books_here, states_here) = tried
    assert outcomes_here == real_outcomes
    assert books_here == real_books
    assert states_here == real_states
