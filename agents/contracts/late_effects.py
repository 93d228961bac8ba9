"""Effects on closed periods that wait for a person: which do, how they stand, and what ends their wait.

ASC 250 leaves a material error of a prior period to judgement: above the threshold of the entity, or altogether where it
says so, such an effect is withheld, beside an open exception, and what a person decides is done. Invariants: emitted and
withheld together are the movement; what is withheld balances by attribution period; while something of an arrangement is
withheld, its further effects on closed periods join it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable

from msgspec.structs import replace

from tieout.agents.accounting.policy import Policy
from tieout.agents.accounting.targets import Targets
from tieout.agents.contracts.decision import Refused
from tieout.agents.contracts.draft import Draft
from tieout.agents.contracts.open_items import ended, item_of, opened
from tieout.agents.contracts.periods import Books, ground_of
from tieout.agents.contracts.policy import policy_on
from tieout.agents.contracts.posting import Deltas, posted
from tieout.avro.admin_events import ExceptionResolved
from tieout.avro.events import Minor
from tieout.tables.contract import Arrangement, GroupState, OpenItem
from tieout.tables.ledger import Held, Key, Ledger, Series
from tieout.tables.reference import Period

CODE = "LATE_MATERIAL"
RESTATED = "RESTATED"
"""Code of what a person posts into the closed period outside of this agent: never emitted, never raised again."""

HELD_MAX = 1_000
"""Withheld movements of a group: they are in its ledger's row, beside the series."""


def met(ledger: Ledger, arrangement: Arrangement) -> dict[Key, Series]:
    """Key -> the movements that targets are met by: what was emitted, and what is withheld."""
    emitted = ledger.account(arrangement.id, arrangement.book).by_key()
    for held in ledger.withheld:
        if (held.arrangement, held.book) == (arrangement.id, arrangement.book):
            key = held.account_class, held.po
            series = emitted.get(key) or Series(*key, 0, ())
            emitted[key] = series.adding({held.period: held.amount})
    return emitted


def withheld(
    state: GroupState, arrangement: Arrangement, deltas: Deltas, draft: Draft
) -> tuple[GroupState, Deltas]:
    """The state with what waits of these movements withheld and told, and the movements that do not wait.

    Refused where more would be withheld than a group has room for.
    """
    books = ground_of(draft.view, arrangement).books
    late = _of_periods(deltas, lambda period: books.closed is not None and period <= books.closed)
    if not late or not _waits(state, arrangement, late, books, draft):
        return state, deltas
    state = _with_held(state, arrangement, late, CODE)
    if len(state.ledger.withheld) > HELD_MAX:
        detail = f"effects on closed periods that wait: more than {HELD_MAX} in one group"
        raise Refused("LIMIT_EXCEEDED", detail, "fact")
    return _told(state, arrangement, draft), _of_periods(deltas, lambda period: period > (books.closed or 0))


def check_none_withheld(state: GroupState, arrangement: Arrangement) -> None:
    """Refused where something of an arrangement is withheld that comes to be kept in several ledgers or currencies."""
    if any(held.arrangement == arrangement.id for held in state.ledger.withheld):
        detail = (
            f"{arrangement.id} goes to several ledgers while effects of it on closed periods are withheld"
        )
        raise Refused("POLICY_MISSING", detail, "fact")


def post_now(state: GroupState, item: OpenItem, draft: Draft) -> GroupState:
    """What is withheld behind the item goes to the first open period."""
    arrangement = state.arrangement(item.fact)
    return _released(state, arrangement, lambda _: True, draft)


def restated(state: GroupState, item: OpenItem, draft: Draft) -> GroupState:
    """What is withheld behind the item is posted by people, into its own period: the agent never does."""
    arrangement = state.arrangement(item.fact)
    deltas = _standing(state, arrangement)
    state = _without_held(state, arrangement, lambda _: True)
    return _told(_with_held(state, arrangement, deltas, RESTATED), arrangement, draft)


def reopened(state: GroupState, draft: Draft) -> GroupState:
    """What is withheld for periods that are open again goes there."""
    for arrangement in state.group.arrangements:
        if _holds(state, arrangement):
            closed = ground_of(draft.view, arrangement).books.closed
            state = _released(state, arrangement, lambda period, c=closed: c is None or period > c, draft)  # type: ignore[misc]  # bound now
    return state


def _waits(state: GroupState, arrangement: Arrangement, late: Deltas, books: Books, draft: Draft) -> bool:
    if _holds(state, arrangement):
        return True
    assert books.closed is not None, arrangement.id
    today = books.calendar.last_day(books.closed) + 1
    policy = policy_on(draft.view, arrangement.entity, arrangement.book, today)
    if policy.late_effects == "withhold_all":
        return True
    least = _threshold(policy, state, arrangement, books)
    return least is not None and effect_on_revenue(late) >= least


def _threshold(policy: Policy, state: GroupState, arrangement: Arrangement, books: Books) -> Minor | None:
    """Least effect on closed periods that waits, the larger of a fixed amount and a share of the price; None: none does."""
    if policy.materiality is None:
        return None
    fixed, percent = policy.materiality
    if not percent or books.horizon is None:
        return fixed
    price = Targets(state, arrangement).price(books.horizon)
    return max(fixed, -(-abs(price) * percent // 100))


def effect_on_revenue(deltas: Deltas) -> Minor:
    """What moved in revenue less contra revenue, period by period, whichever way: a shift between two counts twice."""
    moved: dict[Period, Minor] = defaultdict(int)
    for (account_class, _), by_period in deltas.items():
        sign = 1 if account_class == "revenue" else -1 if account_class.startswith("contra_revenue") else 0
        for period, amount in by_period.items():
            moved[period] += sign * amount
    return sum([abs(amount) for amount in moved.values()])


def _of_periods(deltas: Deltas, wanted: Callable[[Period], bool]) -> Deltas:
    found = {
        key: {period: amount for period, amount in moved.items() if wanted(period)}
        for key, moved in deltas.items()
    }
    return {key: moved for key, moved in found.items() if moved}


def _is_own(held: Held, arrangement: Arrangement) -> bool:
    return (held.arrangement, held.book, held.code) == (arrangement.id, arrangement.book, CODE)


def _holds(state: GroupState, arrangement: Arrangement) -> bool:
    return any(_is_own(held, arrangement) for held in state.ledger.withheld)


def _standing(state: GroupState, arrangement: Arrangement) -> Deltas:
    """What is withheld of an arrangement for a person."""
    deltas: Deltas = {}
    for held in state.ledger.withheld:
        if _is_own(held, arrangement):
            deltas.setdefault((held.account_class, held.po), {})[held.period] = held.amount
    return deltas


def _with_held(state: GroupState, arrangement: Arrangement, deltas: Deltas, code: str) -> GroupState:
    """The state with these movements withheld, added to what is there; what comes to nothing is gone."""
    amounts = {_key(held): held.amount for held in state.ledger.withheld}
    for (account_class, po), moved in deltas.items():
        for period, amount in moved.items():
            key = (arrangement.id, arrangement.book, "", account_class, po, period, code)
            amounts[key] = amounts.get(key, 0) + amount
    return _holding(state, (_held(key, amounts[key]) for key in sorted(amounts) if amounts[key]))


_HeldKey = tuple[str, str, str, str, str, Period, str]


def _key(held: Held) -> _HeldKey:
    return (
        held.arrangement,
        held.book,
        held.entity,
        held.account_class,
        held.po,
        held.period,
        held.code,
    )


def _held(key: _HeldKey, amount: Minor) -> Held:
    return Held(*key[:6], amount, key[6])


def _without_held(
    state: GroupState, arrangement: Arrangement, wanted: Callable[[Period], bool]
) -> GroupState:
    gone = (
        held for held in state.ledger.withheld if not (_is_own(held, arrangement) and wanted(held.period))
    )
    return _holding(state, gone)


def _holding(state: GroupState, held: Iterable[Held]) -> GroupState:
    return replace(state, ledger=replace(state.ledger, withheld=tuple(held)))


def _released(
    state: GroupState, arrangement: Arrangement, wanted: Callable[[Period], bool], draft: Draft
) -> GroupState:
    deltas = _of_periods(_standing(state, arrangement), wanted)
    if not deltas:
        return state
    state = posted(_without_held(state, arrangement, wanted), arrangement, deltas, draft)
    return _told(state, arrangement, draft)


def _told(state: GroupState, arrangement: Arrangement, draft: Draft) -> GroupState:
    """The open item of what is withheld: opened, told anew where its amount changed, resolved where nothing is left."""
    known = item_of(state, CODE, arrangement.id)
    standing = _standing(state, arrangement)
    if not standing:
        return state if known is None else ended(state, (known,), draft)
    item = _item(arrangement, standing, known, draft)
    return state if item == known else opened(state, (item,), draft)


def _item(arrangement: Arrangement, standing: Deltas, known: OpenItem | None, draft: Draft) -> OpenItem:
    calendar = ground_of(draft.view, arrangement).books.calendar
    periods = sorted({period for moved in standing.values() for period in moved})
    amount = effect_on_revenue(standing)
    where = " to ".join(dict.fromkeys((calendar.label(periods[0]), calendar.label(periods[-1]))))
    detail = f"{arrangement.id}: effects on closed periods, {where}, are withheld; revenue moves by {amount}"
    if known is not None:
        return replace(known, amount=amount, detail=detail)
    return OpenItem(
        code=CODE,
        fact=arrangement.id,
        contract=arrangement.contract,
        event_type=ExceptionResolved.EVENT_TYPE,
        amount=amount,
        currency=arrangement.currency,
        opened_us=draft.view.now,
        detail=detail,
        cause=draft.cause.pointer,
    )
