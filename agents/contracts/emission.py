"""Targets minus ledger: the journals that are due now, netted, each in a period that is open (domain model 2.2, 4.2).

Invariants: after emission the ledger, with what is withheld, equals the targets for every key and every period up to the
horizon H; nothing beyond H is emitted; a late effect keeps its service period and is posted into the first open one. What an event does not
touch is read off the ledger, which equals it, so that an invoice costs no look at progress.
"""

from __future__ import annotations

from collections.abc import Iterable

from tieout.agents.accounting.agreement import contracts_of
from tieout.agents.accounting.position import netted
from tieout.agents.accounting.targets import Targets
from tieout.agents.contracts.accepted import Touched
from tieout.agents.contracts.cutover import opening_day
from tieout.agents.contracts.derivation import prepared
from tieout.agents.contracts.draft import Draft
from tieout.agents.contracts.late_effects import check_none_withheld, met, withheld
from tieout.agents.contracts.ledger_emission import emit_ledgers
from tieout.agents.contracts.ledgers import needs_ledgers
from tieout.agents.contracts.periods import Books, ground_of
from tieout.agents.contracts.posting import Deltas, posted
from tieout.avro.control import RevenueRun
from tieout.avro.events import Day, Minor
from tieout.tables.contract import Arrangement, GroupState
from tieout.tables.ledger import Key, Series
from tieout.tables.reference import Period

_CL, _CA, _RL = ("contract_liability", ""), ("contract_asset", ""), ("refund_liability", "")
_REVENUE, _CONTRA = "revenue", "contra_revenue"


def emit(state: GroupState, touched: Touched, draft: Draft) -> GroupState:
    """The state after posting every difference of the touched arrangement from its first day to the horizon.

    Refused, with nothing said, where the calendar has no period for that day or none open to post into.
    """
    arrangement = state.arrangement(touched.arrangement)
    ground = ground_of(draft.view, arrangement)
    if needs_ledgers(state, arrangement, ground):
        check_none_withheld(state, arrangement)
        return emit_ledgers(state, arrangement, touched.first, draft)
    books = ground.books
    books.period(touched.first)
    if books.horizon is None or touched.first > books.horizon:
        return state
    if books.horizon < arrangement.opened and opening_day(state, arrangement.id) is not None:
        return state  # what the ledger holds already stands for later than anybody looks at
    known, state = state, prepared(state)
    if _due_stands(known, state, arrangement, touched):
        return state
    deltas = _deltas(state, arrangement, books, touched, books.horizon)
    if not deltas:
        return state
    if books.closed is not None and books.period(touched.first) <= books.closed:
        state, deltas = withheld(state, arrangement, deltas, draft)
    return posted(state, arrangement, deltas, draft)


def _due_stands(before: GroupState, after: GroupState, arrangement: Arrangement, touched: Touched) -> bool:
    """Whether only due may differ, and did not, as where cash pays what was billed: the ledger equals its targets.

    Each account went on from where the ledger last looked at it: what came since lies beyond the horizon, or is this event.
    """
    if touched.pos != () or after is before or after.facts.assessments or _waits(after):
        return False  # all accounts went on before: with another arrangement of the same event
    assert after.derived is not None, "prepared"
    if before.derived is None:
        return False
    for contract in contracts_of(arrangement):
        known = before.derived.accounts.get(contract)
        if known is None and contract in before.derived.behind:
            known = before.derived.behind[contract][0]
        now = after.derived.accounts[contract]
        if known is None or known.due.get(arrangement.id) != now.due.get(arrangement.id):
            return False
    return True


def _deltas(
    state: GroupState, arrangement: Arrangement, books: Books, touched: Touched, horizon: Day
) -> Deltas:
    """Key -> period -> movement of the target less what was emitted, without zeros."""
    emitted = met(state.ledger, arrangement)
    first, last = books.period(touched.first), _last_period(state, books, emitted, horizon)
    if last < first:
        return {}
    ends = [min(books.calendar.last_day(period), horizon) for period in range(first, last + 1)]
    shown = {key: _through(series, first, len(ends)) for key, series in emitted.items()}
    wanted = _wanted(state, arrangement, touched, ends, shown)
    deltas: Deltas = {}
    for key, values in wanted.items():
        known = shown.get(key)
        if values == known:
            continue
        behind = 0
        for place, value in enumerate(values):
            ahead = value - known[place] if known is not None else value
            if ahead != behind:
                deltas.setdefault(key, {})[first + place] = ahead - behind
                behind = ahead
    return deltas


def _wanted(
    state: GroupState,
    arrangement: Arrangement,
    touched: Touched,
    ends: list[Day],
    shown: dict[Key, list[Minor]],
) -> dict[Key, list[Minor]]:
    """Key -> what the ledger must show at each end, for every key that may differ."""
    targets = Targets(state, arrangement)
    wanted: dict[Key, list[Minor]] = {}
    standing: Iterable[list[Minor]] = ()
    if _all_may_differ(state, targets, touched):
        for place, day in enumerate(ends):
            _put(wanted, targets.performed(day), place)
        _filled(wanted, len(ends))
        for key in shown:
            if key not in wanted and (key[0] == _REVENUE or key[0].startswith(_CONTRA)):
                wanted[key] = [0] * len(ends)
    else:
        for place, day in enumerate(ends if touched.pos else ()):
            revenue = targets.gross_revenue(day, touched.pos or ())
            _put(wanted, {(_REVENUE, po): amount for po, amount in revenue.items()}, place)
        standing = [
            values if key[0] == _REVENUE else [-value for value in values]
            for key, values in shown.items()
            if key not in wanted and (key[0] == _REVENUE or key[0].startswith(_CONTRA))
        ]
    recognised = _added_up(wanted, standing, len(ends))
    wanted[_CL], wanted[_CA], wanted[_RL] = [], [], []
    for day, earned in zip(ends, recognised, strict=True):
        due, refund = targets.due(day), targets.refund_liability(day)
        liability, asset = netted(due, earned, refund)
        wanted[_CL].append(liability - due)
        wanted[_CA].append(asset)
        wanted[_RL].append(refund)
    return wanted


def _all_may_differ(state: GroupState, targets: Targets, touched: Touched) -> bool:
    """Whether revenue of any promise may differ: so it says, the ledger lags, or one shares with others later."""
    if touched.pos is None or targets.doubtful or _waits(state):
        return True
    return bool(touched.pos) and targets.shared_from > touched.first


def _put(wanted: dict[Key, list[Minor]], values: dict[Key, Minor], place: int) -> None:
    """The end at ``place``; where a key is not shown, as while nothing of a doubtful contract counts, it is nothing."""
    for key, value in values.items():
        column = wanted.setdefault(key, [])
        if len(column) < place:
            column += [0] * (place - len(column))
        column.append(value)


def _filled(wanted: dict[Key, list[Minor]], count: int) -> None:
    for column in wanted.values():
        column.extend([0] * (count - len(column)))


def _added_up(wanted: dict[Key, list[Minor]], standing: Iterable[list[Minor]], count: int) -> list[Minor]:
    """R at each end: revenue less contra revenue, as wanted, and as it stands where nothing is wanted anew."""
    columns = [
        values if key[0] == _REVENUE else [-value for value in values] for key, values in wanted.items()
    ]
    columns += standing
    return [sum(column) for column in zip(*columns, strict=True)] if columns else [0] * count


def _through(series: Series, first: Period, count: int) -> list[Minor]:
    """What the ledger shows of a key at the end of ``count`` periods from ``first`` on."""
    place = first - series.first
    through = [0] * min(-place, count) if place < 0 else []
    total = sum(series.movements[:place]) if place > 0 else 0
    for moved in series.movements[max(place, 0) : max(place + count, 0)]:
        total += moved
        through.append(total)
    return through + [total] * (count - len(through))


def _waits(state: GroupState) -> bool:
    """Whether something was not placed when revenue was run, so that the ledger lags behind its targets."""
    return any(each.event_type == RevenueRun.EVENT_TYPE for each in state.group.open_items)


def _last_period(state: GroupState, books: Books, emitted: dict[Key, Series], horizon: Day) -> Period:
    """The last period up to the horizon in which a target can move, or in which something was emitted."""
    moving = books.calendar.reach(min(horizon, state.extent.last))
    last = max([each.first + len(each.movements) - 1 for each in emitted.values()], default=0)
    if moving is not None:
        last = max(last, books.period(moving))
    return min(last, books.period(horizon))
