"""What a demo wants of the ERP that it posts to, whichever that is, and what it reads back of its books.

Invariant: books are what the ERP itself says after everything was posted, never what was sent to it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

Place = tuple[str, str, str, str]
"""(entity, account, currency, posting period as 2025-03)."""


class ErpFailedError(Exception):
    """The demo's ERP did not do what was asked of it: says what, where, and what to look at."""


@dataclass(slots=True)
class ErpBooks:
    """``balances``: debit less credit of the posted journal, in minor units of the document's currency.

    ``documents``: how many commands the ERP holds, the ones without amounts too.
    """

    name: str
    documents: int = 0
    balances: Counter[Place] = field(default_factory=Counter)


class DemoErp(Protocol):
    """One ERP, started for one demo. All but ``environment`` may block, and are called in a thread of their own."""

    name: str

    def start(self) -> None:
        """Start it and wait until it answers; raises what the command line tells."""
        ...

    def accounts_file(self) -> str:
        """The file of ERP accounts, as TOML; it names no secret."""
        ...

    @property
    def environment(self) -> Mapping[str, str]:
        """What a worker needs besides: the secrets that the file of accounts names."""
        ...

    def close_period(self, period: str) -> None:
        """Let no posting into this period of any company (2025-03), nor into the periods of its year before it."""
        ...

    def books(self) -> ErpBooks:
        """Its whole journal, read back."""
        ...

    def stop(self) -> None:
        """Stop what was started; harmless when nothing runs."""
        ...


def months_through(period: str) -> list[str]:
    """The months of a year up to one of them: 2025-03 gives 2025-01, 2025-02, 2025-03."""
    year, month = period.split("-")
    return [f"{year}-{number:02}" for number in range(1, int(month) + 1)]
