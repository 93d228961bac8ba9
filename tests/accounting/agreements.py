"""Facts by hand: promises, versions, components and evidence of one arrangement, without any event."""

import datetime as dt

from msgspec.structs import replace

from tieout.agents.accounting.agreed import Agreed
from tieout.agents.accounting.layers import fold
from tieout.agents.accounting.policy import Policy
from tieout.agents.accounting.progress import earned
from tieout.avro.commands import Cause
from tieout.tables.contract import Arrangement
from tieout.tables.dated import Steps, levels, steps
from tieout.tables.derived import NOTHING, Performance, Relief
from tieout.tables.facts import Change, Component, Item, Particulars, Pause, Special, Terms

EPOCH = dt.date(1970, 1, 1).toordinal()
CAUSE = Cause("inbox", 0, 1)
ARRANGEMENT = Arrangement("C1@1", "C1", "US", "USD", "primary", 1, 0)
ONE = 10**6


def day(text):
    return dt.date.fromisoformat(text).toordinal() - EPOCH


def date(text):
    return None if text is None else day(text)


def item(
    po,
    measure,
    ssp=1,
    *,
    start=None,
    end=None,
    qty=1,
    per="whole",
    convention="months_prorated",
    price=None,
    **special,
):
    about = Special(**special) if special else None
    return Item(
        po, po, "US", measure, qty, 0, ssp, per, date(start), date(end), convention, None, price,
        recurring=False, tax_code=None, item=po, special=about,
    )  # fmt: skip


def version(number, at, pool=0, *add, kind="amend", change=(), drop=(), ssp=None, contract="C1", **more):
    """A version; number 1 is the inception, for which ``kind`` may be left out."""
    first = number == 1
    prices = more.pop("line_prices", {})
    paused = tuple(Pause(po, date(begin), date(end)) for po, begin, end in more.pop("pauses", ()))
    if prices or paused or more:
        more = Particulars(line_prices=tuple(sorted(prices.items())), pauses=paused, **more)
    return Terms(
        contract, number, "activate" if first else kind, ARRANGEMENT.id, "inception" if first else "prospective",
        day(at), day(at), day(at), pool, tuple(add), tuple(Change(po, field, value) for po, field, value in change),
        tuple(drop), tuple(sorted((ssp or {}).items())), (), (), CAUSE, more or None,
    )  # fmt: skip


def component(name, number, at, amount, reach="version", ref=""):
    return Component(name, number, ARRANGEMENT.id, day(at), amount, reach, "", CAUSE, ref)


def relief(name, at, amount):
    return Relief(name, day(at), amount)


def performed(*, moved=(), opened=None, expired=None, eac=(), percent=(), breakage=(), **sums):
    """Performance from ("2025-01-31", value) pairs; quantities in whole units, shares of the whole as fractions."""
    amounts = {name: steps([(day(at), value) for at, value in dated]) for name, dated in sums.items()}
    return Performance(
        moved=steps([(day(at), value * ONE) for at, value in moved]),
        opened=date(opened),
        expired=date(expired),
        eac=levels([(place, day(at), value) for place, (at, value) in enumerate(eac, 1)]),
        percent=levels([(place, day(at), int(value * ONE)) for place, (at, value) in enumerate(percent, 1)]),
        breakage=levels(
            [(place, day(at), int(value * ONE)) for place, (at, value) in enumerate(breakage, 1)]
        ),
        **amounts,
    )


def agreed(terms, components=(), reliefs=(), done=None):
    return Agreed(ARRANGEMENT, tuple(terms), tuple(components), tuple(reliefs), done or {}, Steps(), Policy())


def revenue(facts, text):
    """Obligation -> cumulative revenue by the layers of the facts, at the end of a day."""
    return revenue_of(fold(facts).layers, facts.done, day(text))


def revenue_of(layers, done, on):
    standing = [step for step in layers.steps if step.from_day <= on]
    shares = standing[-1].shares if standing else ()
    return {share.po: earned(share, done.get(share.po, NOTHING), on) for share in shares}


def moves(facts, *dates):
    """What revenue moves by from each date to the next, without zeros."""
    before, found = {}, []
    for text in dates:
        now = revenue(facts, text)
        found.append({po: now[po] - before.get(po, 0) for po in now if now[po] != before.get(po, 0)})
        before = now
    return found


def treatments(facts):
    return [each.treatment for each in fold(facts).rebases]


def with_contract(terms, contract):
    return replace(terms, contract=contract)
