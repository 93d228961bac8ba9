"""What is disclosed adds up to the books: checked on a whole state, by tests and audits.

Invariants: what remains is the price less revenue, wherever no version is approved ahead; its plan leaves nothing out; rows
of a rollforward add up; no share earns less than it began with or more than it has.
"""

from __future__ import annotations

from tieout.agents.accounting.agreement import done_of, layers_of
from tieout.agents.accounting.invariant import InvariantBroken
from tieout.agents.accounting.maturity import maturity, rolling_year
from tieout.agents.accounting.progress import earned
from tieout.agents.accounting.remaining import Remaining
from tieout.agents.accounting.rollforward import receivable_roll, rollforward
from tieout.agents.accounting.targets import Targets
from tieout.avro.events import Day
from tieout.tables.contract import Arrangement, GroupState
from tieout.tables.derived import NOTHING

_BEHIND = 2**22
"""Days behind which nothing is planned: some eleven thousand years."""


def check_disclosed(state: GroupState, arrangement: Arrangement, first: Day, last: Day) -> None:
    """INVARIANT_BROKEN where a disclosure of the days first..last is not what the books give."""
    targets, remaining = Targets(state, arrangement), Remaining(state, arrangement)
    terms = [each for each in state.facts.terms if each.arrangement == arrangement.id]
    left, position = remaining.total(last), targets.at(last)
    ahead = any(each.approved <= last < each.at for each in terms)
    books = targets.price(last) - position.recognised
    _require(ahead or left == books, f"{left} remains on day {last}, price less revenue is {books}")
    planned = remaining.planned(last, last + 1, _BEHIND) + remaining.unplanned(last)
    _require(planned == left, f"{planned} of {left} that remains on day {last} is planned or has no day")
    deferred, unbilled = maturity(state, arrangement, last, rolling_year(last))
    _require(
        min(*deferred, *unbilled) >= 0 and sum(deferred) == position.contract_liability,
        f"{deferred}, {unbilled} of {position} on day {last}",
    )
    rollforward(state, arrangement, first, last)
    receivable_roll(state, arrangement.contract, first, last)
    _check_shares(state, arrangement)


def _check_shares(state: GroupState, arrangement: Arrangement) -> None:
    """A share earns between what it began with and all that it has, at the end of each layer (section 7, point 6)."""
    done = done_of(state, arrangement)
    steps = layers_of(state, arrangement).steps
    if not steps:
        return  # the version that opened it was withdrawn
    ends = [*(step.from_day - 1 for step in steps[1:]), max(state.extent.last, steps[-1].from_day)]
    for step, day in zip(steps, ends, strict=True):
        for share in step.shares:
            shown, whole = earned(share, done.get(share.po, NOTHING), day), share.base + share.amount
            _require(
                min(share.base, whole) <= shown <= max(share.base, whole),
                f"line {share.po!r} of {arrangement.id} earned {shown} by day {day}, of {share}",
            )


def _require(holds: bool, what: str) -> None:
    if not holds:
        raise InvariantBroken(what)
