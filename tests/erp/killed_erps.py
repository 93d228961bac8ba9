"""The ERPs of the kill campaign, one face for each: an account, what can be killed, and what is in the books after all.

Invariant: ids and balances are read from the ERP itself, never from the worker.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol, Self

import aiohttp
from erp.contract_commands import Names
from erp.posting_ground import apart
from erp.standin_ground import KEY, NAMES, SCRIPT, started
from erp.tryton_ground import MASTER_DATA, TrytonGround

from tieout.streams.edges.erp.port import Erp
from tieout.streams.edges.erp.standin import StandinErp
from tieout.streams.operate.servers.errors import DiedError
from tieout.streams.operate.standin.process import StandinProcess
from tieout.streams.operate.tryton import EmbeddedTryton

PAGE = 2_000
SLOW = """
slots = 5
latency_ms = 20.0
"""
STANDIN_ACCOUNT = """
[erp]
partition = 0
adapter = "standin"
url = "{url}"
secret_env = "ERP_KEY"
slots = 5
batch_items_max = 2
call_seconds_max = 1.0
server_seconds_max = 0.5
"""
TRYTON_ACCOUNT = """
[erp]
partition = 0
adapter = "tryton"
url = "{url}"
secret_env = "ERP_KEY"
slots = 4
batch_items_max = 10
call_seconds_max = 10.0
server_seconds_max = 3.0

[erp.tryton]
companies = {{ {entity} = "{currency}" }}
"""
Kill = Callable[[], None]


class KilledErp(Protocol):
    """``kills``: what dies -> kill it; ``revive`` starts whatever is dead."""

    names: Names
    account: str
    secrets: Mapping[str, str]
    kills: Mapping[str, Kill]

    def adapter(self) -> Erp:
        """A way to post to it without the agent."""
        ...

    def revive(self) -> None: ...

    def is_busy(self) -> bool | None:
        """Whether it has a call now; None: it does not tell."""
        ...

    def sent_again(self) -> int:
        """How many commands it was sent that it had already, since it was started; 0 where it does not count."""
        ...

    def journal(self) -> list[str]:
        """Command ids of its documents, in the order of its commits."""
        ...

    def books(self) -> dict[tuple[str, str], int]:
        """(account, currency) -> balance in minor units."""
        ...


class KilledStandin:
    """The stand-in, as a process."""

    names = NAMES

    def __init__(self, folder: Path, rough: str = SLOW, account: str = STANDIN_ACCOUNT) -> None:
        self._process = started(folder, rough + SCRIPT)
        self._account = account

    def __enter__(self) -> Self:
        self._process.start()
        self.account = self._account.format(url=self._process.url)
        self.secrets = {"ERP_KEY": KEY}
        self.kills: Mapping[str, Kill] = {"the stand-in is killed": self._process.kill}
        return self

    def __exit__(self, *_: object) -> None:
        self._process.stop()

    def adapter(self) -> Erp:
        return StandinErp(self._process.url, key=KEY)

    def revive(self) -> None:
        self._process.start()

    def is_busy(self) -> bool:
        return bool(self._process.ask("GET", "/admin/counters")["in_flight"])

    def sent_again(self) -> int:
        counters = self._process.ask("GET", "/admin/counters")
        return int(counters["duplicates"] + counters["conflicts"])

    def journal(self) -> list[str]:
        return standin_journal(self._process)

    def books(self) -> dict[tuple[str, str], int]:
        rows = self._process.ask("GET", "/admin/trial-balance")
        return {
            (row["account"], row["currency"]): row["balance_minor"] for row in rows if row["balance_minor"]
        }


class KilledTryton:
    """Tryton on PostgreSQL, in a directory of its own."""

    names = NAMES

    def __init__(self, folder: Path, account: str = TRYTON_ACCOUNT) -> None:
        self._erp = EmbeddedTryton(folder / "erp", MASTER_DATA)
        self._account = account
        self._database_is_dead = False

    def __enter__(self) -> Self:
        self._erp.start()
        self._ground = TrytonGround(self._erp)
        self.account = self._account.format(url=self._erp.url, entity=NAMES.entity, currency=NAMES.currency)
        self.secrets = {"ERP_KEY": self._erp.secrets.posting_key}
        self.kills: Mapping[str, Kill] = {
            "Tryton is killed": self._kill_server,
            "PostgreSQL is killed": self._kill_database,
        }
        return self

    def __exit__(self, *_: object) -> None:
        self._erp.stop()

    def adapter(self) -> Erp:
        return self._ground.connect(self._erp.url)

    def _kill_server(self) -> None:
        self._erp.kill_server()

    def _kill_database(self) -> None:
        self._erp.kill_database()
        self._database_is_dead = True

    def revive(self) -> None:
        if self._database_is_dead:
            self._erp.start_database()
            self._database_is_dead = False
        self._supervise()

    def _supervise(self) -> None:
        """Gunicorn ends where a process of it cannot begin, as without a database; whoever runs it starts it again."""
        try:
            self._erp.check_alive()
        except DiedError:
            self._erp.start_server()

    def is_busy(self) -> None:
        return None

    def sent_again(self) -> int:
        return 0

    def journal(self) -> list[str]:
        self._supervise()
        return list(apart(self._journal()))

    def books(self) -> dict[tuple[str, str], int]:
        return {place: minor for place, minor in apart(self._ground.books()).items() if minor}

    async def _journal(self) -> list[str]:
        """By the ids of its records: a command that follows another has the higher one."""
        found: list[str] = []
        last = 0
        headers = {"Authorization": f"Bearer {self._erp.secrets.accountant_key}"}
        async with aiohttp.ClientSession(headers={**headers, "Content-Type": "application/json"}) as session:
            while True:
                params = [
                    ("d", _coded([["id", ">", last]])),
                    ("o", _coded([["id", "ASC"]])),
                    ("s", str(PAGE)),
                    ("f", "command"),
                ]
                async with session.get(
                    f"{self._erp.url}/rest/model/tieout.command", params=params
                ) as answered:
                    if (
                        answered.status != 200
                    ):  # a connection that a kill has broken takes a call to be noticed
                        await asyncio.sleep(0.2)
                        continue
                    page = await answered.json()
                found += [each["command"] for each in page]
                if len(page) < PAGE:
                    return found
                last = page[-1]["id"]


def standin_journal(erp: StandinProcess) -> list[str]:
    """Command ids of the stand-in's documents, in the order of its commits."""
    found: list[str] = []
    after, end = 0, False
    while not end:
        page = erp.ask("GET", f"/admin/documents?after={after}")
        found += [each["document"]["external_id"] for each in page["documents"]]
        after, end = page["next"], page["end"]
    return found


def _coded(domain: list) -> str:
    return base64.urlsafe_b64encode(json.dumps(domain).encode()).decode()
