"""How an ERP account stands, in words: the same in ``tieout posting status``, on the page and in its first sentence. Pure.

Invariant: what is not known is called unknown; no word stands for a number that nobody has seen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tieout.agents.posting.erp_documents import major_units

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tieout.streams.operate.status import AccountStatus

AGE_WORDS = {
    "under_1m": "under 1 min",
    "1m_to_5m": "1 to 5 min",
    "5m_to_1h": "5 min to 1 h",
    "1h_to_1d": "1 h to 1 d",
    "over_1d": "over 1 d",
}
"""Age bucket -> what people read."""


def state_of(account: AccountStatus) -> str:
    """The state of an account's gate, one of ``STATES``."""
    if account.stopped:
        return "stopped"
    if account.breaker != "closed":
        return account.breaker
    return "paused" if account.paused_seconds else "calling"


STATES = ("calling", "paused", "half_open", "open", "stopped")
LEVELS = {"calling": "fine", "stopped": "broken"}
"""Any other state wants attention."""


def standing(account: AccountStatus) -> str:
    """What the account does, and what is to be done."""
    match state_of(account):
        case "stopped":
            return f"stopped: {account.stopped}. Mend that, then: tieout posting resume {account.account}"
        case "open":
            return f"paused: the ERP fails; nothing is sent for {age(account.paused_seconds)}, then one call is tried"
        case "half_open":
            return "paused: the ERP failed; one call is being tried"
        case "paused":
            return f"paused: the ERP asked for it; nothing is sent for {age(account.paused_seconds)}"
        case _:
            return "posting"


def drains(account: AccountStatus) -> str:
    """How long until everything is posted that can be, at the present rate."""
    if account.drain_seconds == 0:
        return "nothing to post"
    return "unknown: nothing is being posted" if account.drain_seconds is None else age(account.drain_seconds)


def drains_at_slots(account: AccountStatus) -> str:
    """The same with all slots in use."""
    seconds = account.drain_seconds_at_slots
    return "unknown" if seconds is None else age(seconds)


def oldest(account: AccountStatus) -> str:
    """Age of the oldest unposted command."""
    return "-" if account.oldest_seconds is None else age(account.oldest_seconds)


def money(amounts: Mapping[str, int]) -> str:
    """1,200.50 USD, 300 JPY."""
    return ", ".join(
        f"{major_units(minor, currency):,} {currency}" for currency, minor in sorted(amounts.items())
    )


def age(seconds: float) -> str:
    """12 s, 3 min 4 s, 5 h 6 min, 7 d 8 h."""
    minutes, rest = divmod(max(0, round(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days} d {hours} h"
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
