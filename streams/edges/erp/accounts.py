"""The file of ERP accounts: which partition of the commands is posted where, how, and how fast.

    [us-erp]
    partition = 0
    adapter = "rest"            # rest, standin or tryton
    url = "https://erp.example"
    secret_file = "us-erp.key"  # beside this file, or secret_env = "US_ERP_KEY"
    slots = 5                   # calls at once, as the ERP's licence has them
    rate = 20.0                 # calls a second, where the vendor states a rate
    [us-erp.rest]
    profile = "business_central"

    [de-erp]
    partition = 1
    adapter = "tryton"
    slots = 2
    [de-erp.tryton]
    started = ".tieout/tryton/erp.json"  # of ``tieout tryton start``; else url, secret_file and companies

Invariant: a file that loads names every account once, each on a partition of its own, and no secret stands in it.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from tieout.agents.posting.erp_documents import FIRST_BOOK
from tieout.streams.edges.erp.port import Erp
from tieout.streams.edges.erp.profile_files import ProfileRefused, load_profile
from tieout.streams.edges.erp.rest import RestErp
from tieout.streams.edges.erp.standin import StandinErp
from tieout.streams.edges.erp.tryton import SERVER_SECONDS_MAX, TrytonErp


class AccountsRefused(ValueError):  # noqa: N818 - read aloud: the accounts were refused
    """The file of ERP accounts cannot be used: which one, what, and what to write instead."""


_STANDIN_SECONDS = 60.0
Seconds = Annotated[float, msgspec.Meta(gt=0, le=3_600)]


class RestOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the ``rest`` adapter needs besides: its profile, the names that the profile asks for, the company's currency.

    ``entity``: the legal entity whose company it is, where an account of the profile is one company. ``book``: the book that
    its ledger is; journals of another one are refused.
    """

    profile: str
    configuration: dict[str, str] = {}
    entity_currency: str = ""
    entity: str = ""
    book: str = FIRST_BOOK


class TrytonOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the ``tryton`` adapter needs besides.

    ``started``: the file that ``tieout tryton start`` writes, which has address, key and companies; or ``companies``: the
    code of each company -> its currency, beside ``url`` and a secret.
    """

    started: str | None = None
    companies: dict[str, str] = {}


class _Started(msgspec.Struct, frozen=True):
    """What is used of the file that ``tieout tryton start`` writes."""

    url: str
    posting_key: str
    companies: dict[str, str]


class ErpAccount(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One account. Seconds: our deadline for a call, and how long the server may go on after it (else as its adapter or profile
    knows): what was in doubt is read back no sooner.

    ``batch_items_max``: commands in one call at most, where fewer are wanted than the adapter would send. ``parked_max``:
    commands that may stand still before no more is read (else as ``PostingSettings`` has it); about half a kilobyte of memory each.
    """

    partition: Annotated[int, msgspec.Meta(ge=0)]
    adapter: Literal["standin", "rest", "tryton"]
    url: str = ""
    slots: Annotated[int, msgspec.Meta(ge=1, le=1_000)]
    rate: Annotated[float, msgspec.Meta(gt=0)] | None = None
    batch_items_max: Annotated[int, msgspec.Meta(ge=1)] | None = None
    parked_max: Annotated[int, msgspec.Meta(ge=1, le=10_000_000)] | None = None
    secret_file: str | None = None
    secret_env: str | None = None
    call_seconds_max: Seconds = 30.0
    server_seconds_max: Seconds | None = None
    rest: RestOptions | None = None
    tryton: TrytonOptions | None = None


def load_accounts(path: Path) -> Mapping[str, ErpAccount]:
    """Account name -> account. Raises AccountsRefused."""
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise AccountsRefused(
            f"{path} cannot be read as TOML: {error}; TIEOUT_ERP_FILE names it, docs/erps.md has an example"
        ) from error
    if not raw:
        raise AccountsRefused(f"{path} names no account; write a table per account, as docs/erps.md shows")
    accounts: dict[str, ErpAccount] = {}
    for name, table in raw.items():
        try:
            accounts[name] = msgspec.convert(table, ErpAccount)
        except msgspec.ValidationError as error:
            raise AccountsRefused(
                f"{path}: account {name!r}: {error}; docs/erps.md lists the keys"
            ) from error
    taken: dict[int, str] = {}
    for name, account in accounts.items():
        other = taken.setdefault(account.partition, name)
        if other != name:
            raise AccountsRefused(
                f"{path}: {other!r} and {name!r} both have partition {account.partition}; each account has its own, the"
                " one that its erp_account reference row names"
            )
    return accounts


def connect(name: str, account: ErpAccount, folder: Path) -> Erp:
    """The account's adapter; ``folder``: where the file of accounts lies. Nothing is sent yet. Raises AccountsRefused."""
    return _ADAPTERS[account.adapter](name, account, folder)


def _standin(name: str, account: ErpAccount, folder: Path) -> Erp:
    return StandinErp(
        _url(name, account),
        key=_secret(name, account, folder),
        call_seconds_max=account.call_seconds_max,
        server_seconds_max=account.server_seconds_max or _STANDIN_SECONDS,
    )


def _rest(name: str, account: ErpAccount, folder: Path) -> Erp:
    secret = _secret(name, account, folder)
    if account.rest is None or secret is None:
        missing = "a table rest with its profile" if account.rest is None else "secret_file or secret_env"
        raise AccountsRefused(f"account {name!r} with adapter rest needs {missing}")
    try:
        profile = load_profile(account.rest.profile, folder)
        if profile.slots_max is not None and account.slots > profile.slots_max:
            raise AccountsRefused(
                f"account {name!r} has {account.slots} slots, and its profile bears {profile.slots_max} (why stands at the head of"
                f" the profile {profile.name}): write slots = {profile.slots_max}"
            )
        return RestErp(
            _url(name, account),
            profile,
            secret=secret,
            configuration=account.rest.configuration,
            entity_currency=account.rest.entity_currency,
            entity=account.rest.entity,
            book=account.rest.book,
            call_seconds_max=account.call_seconds_max,
            server_seconds_max=account.server_seconds_max or profile.server_seconds_max,
        )
    except ProfileRefused as refused:
        raise AccountsRefused(f"account {name!r}: {refused}") from refused


def _tryton(name: str, account: ErpAccount, folder: Path) -> Erp:
    options = account.tryton or TrytonOptions()
    if options.started is not None:
        started = _started(name, folder / options.started)
        url, key, companies = started.url, started.posting_key, started.companies
    else:
        secret, companies = _secret(name, account, folder), options.companies
        if secret is None or not companies:
            missing = "secret_file or secret_env" if secret is None else "a table tryton with its companies"
            raise AccountsRefused(
                f"account {name!r} with adapter tryton needs {missing}, or tryton.started: the erp.json of tieout tryton"
                " start; docs/erps.md has an example of both"
            )
        url, key = _url(name, account), secret
    return TrytonErp(
        url,
        key,
        companies,
        call_seconds_max=account.call_seconds_max,
        server_seconds_max=account.server_seconds_max or SERVER_SECONDS_MAX,
    )


def _started(name: str, file: Path) -> _Started:
    try:
        return msgspec.json.decode(file.read_bytes(), type=_Started)
    except (OSError, msgspec.MsgspecError) as error:
        raise AccountsRefused(
            f"account {name!r}: {file} does not say where Tryton runs ({error}); start it with tieout tryton start, or name"
            " the erp.json of its data directory"
        ) from error


def _url(name: str, account: ErpAccount) -> str:
    if not account.url:
        raise AccountsRefused(f"account {name!r} with adapter {account.adapter} needs its url")
    return account.url


_ADAPTERS: Mapping[str, Callable[[str, ErpAccount, Path], Erp]] = {
    "standin": _standin,
    "rest": _rest,
    "tryton": _tryton,
}


def _secret(name: str, account: ErpAccount, folder: Path) -> str | None:
    if account.secret_env is not None:
        found = os.environ.get(account.secret_env, "").strip()
        if not found:
            raise AccountsRefused(
                f"account {name!r}: the variable {account.secret_env} is not set; put its secret there"
            )
        return found
    if account.secret_file is None:
        return None
    try:
        return (folder / account.secret_file).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise AccountsRefused(f"account {name!r}: its secret cannot be read: {error}") from error
