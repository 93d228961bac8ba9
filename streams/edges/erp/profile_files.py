"""ERP profiles as packaged data: what one vendor's interface is called and what its errors mean.

Invariant: a profile that cannot be meant is refused when it is read, by file and key, not when the first call fails.
"""

from __future__ import annotations

import tomllib
from importlib.resources import files
from typing import Any

from tieout.agents.posting.error_table import ErrorTable, ErrorTableWrong


class ProfileRefused(ValueError):  # noqa: N818 - read aloud: the profile was refused
    """A profile cannot be used; says which one, and what to write."""


def profile(name: str) -> dict[str, Any]:
    """The keys of a packaged profile. Raises ProfileRefused."""
    folder = files("tieout.streams.edges.erp").joinpath("profiles")
    found = folder.joinpath(f"{name}.toml")
    if not found.is_file():
        names = ", ".join(sorted(each.name.removesuffix(".toml") for each in folder.iterdir()))
        raise ProfileRefused(f"there is no ERP profile {name!r}; choose one of {names}")
    try:
        return tomllib.loads(found.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as wrong:
        raise ProfileRefused(f"the ERP profile {name} is not TOML: {wrong}") from wrong


def error_table(name: str) -> ErrorTable:
    """The error table of a packaged profile. Raises ProfileRefused."""
    try:
        return ErrorTable.of(profile(name).get("errors", []))
    except ErrorTableWrong as wrong:
        raise ProfileRefused(f"the ERP profile {name}: {wrong}") from wrong
