"""Commands of many contracts as they lie in one account's partition: lanes numbered from 1, contracts mixed, chance from a seed.

Invariant: a lane's commands are in the order of their numbers, and nothing is written before what it names in ``after``.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from random import Random

from erp.contract_commands import ContractCommands, Names, hashed
from msgspec.structs import replace

from tieout.avro.commands import Command, CustomerUpsert

PER_CONTRACT = 10
"""A customer, two invoices, seven journals."""

Wish = Callable[[Random], Mapping[str, object]]
"""What is asked of a journal beside its amount: another day and period, say."""


def many_contracts(
    names: Names, count: int, seed: int, *, prefix: str = "", wish: Wish = lambda _: {}
) -> list[Command]:
    """``count`` commands in the order in which they are to be written. ``prefix`` makes contracts of their own."""
    chance = Random(seed)
    contracts = -(-count // PER_CONTRACT)
    left = [list(_contract(names, f"{prefix}{number}", chance, wish)) for number in range(contracts)]
    mixed: list[Command] = []
    active = list(range(contracts))
    while active:
        at = chance.randrange(min(len(active), 50))
        mixed.append(left[active[at]].pop(0))
        if not left[active[at]]:
            del active[at]
    return _numbered(mixed[:count])


def journals(names: Names, lanes: int, each: int, prefix: str) -> list[Command]:
    """``each`` journals of so many contracts, a round of all contracts after the other; ``prefix`` as above."""
    contracts = [ContractCommands(names, f"{prefix}{number}") for number in range(lanes)]
    return _numbered([contract.journal(100 + number) for number in range(each) for contract in contracts])


def _contract(names: Names, name: str, chance: Random, wish: Wish) -> Iterator[Command]:
    contract = ContractCommands(names, name)
    customer = contract.customer()
    yield customer
    following = [lambda n=n: contract.invoice(1_000 + n, 10, suffix=f"-{n}") for n in range(2)]
    following += [lambda n=n: contract.journal(100 + n, **wish(chance)) for n in range(PER_CONTRACT - 3)]
    chance.shuffle(following)
    for make in following:
        yield make()


def _numbered(commands: list[Command]) -> list[Command]:
    """Numbers of lanes, and each lane's first command after the contract's customer."""
    numbers: dict[tuple[str, str], int] = defaultdict(int)
    customers: dict[str, str] = {}
    said: list[Command] = []
    for command in commands:
        header = command.header
        numbers[header.group_id, header.lane] += 1
        number = numbers[header.group_id, header.lane]
        after = ()
        if isinstance(command, CustomerUpsert):
            customers[header.group_id] = header.command_id
        elif number == 1:
            after = tuple(customers[name] for name in (header.group_id,) if name in customers)
        said.append(hashed(replace(command, header=replace(header, lane_seq=number, after=after))))
    return said
