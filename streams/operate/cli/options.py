"""Options and arguments that several commands share, so that the same thing has one name, one help text, one check.

Invariant: a value that cannot be meant is a usage error that says what to write instead, before anything is started.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated

import typer

DEFAULT_TENANT = "default"


def day(text: str) -> int:
    """Days since 1970-01-01 of an ISO date; a usage error otherwise."""
    from tieout.avro.days import day_of

    return day_of(_date(text))


def iso_day(text: str) -> str:
    """The text, when it is an ISO date."""
    return _date(text).isoformat()


def run_day(text: str) -> str:
    """The text, when it is an ISO date that revenue can be run through."""
    from tieout.agents.control.bounds import FIRST_YEAR, LAST_YEAR, run_day_is_possible

    if run_day_is_possible(day(text)):
        return iso_day(text)
    raise typer.BadParameter(
        f"revenue cannot be run through {text}; give a day from {FIRST_YEAR}-01-01 to {LAST_YEAR}-12-31"
    )


def period_label(text: str) -> str:
    """The text, when it is a month, or may be a label of a listed calendar."""
    from tieout.agents.control.bounds import FIRST_YEAR, LAST_YEAR, period_is_possible

    if period_is_possible(text):
        return text
    raise typer.BadParameter(
        f"{text!r} is not a period; write a month as 2025-05, of the years {FIRST_YEAR} to {LAST_YEAR}"
    )


def subledger_name(text: str) -> str:
    """The text, when a period can be closed for such a sub-ledger."""
    from tieout.agents.control.bounds import subledger_is_known
    from tieout.tables.controls import EVERY, SUBLEDGERS

    if subledger_is_known(text):
        return text
    raise typer.BadParameter(
        f"there is no sub-ledger {text!r}; choose one of {', '.join(SUBLEDGERS)}, or {EVERY} for all"
    )


def scenario_name(text: str) -> str:
    """The text, when there is such a scenario."""
    from tieout.streams.operate.generate.scenarios import SCENARIOS

    if text in SCENARIOS:
        return text
    raise typer.BadParameter(f"there is no scenario {text!r}; choose one of {', '.join(SCENARIOS)}")


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not a day; write it as 2025-05-31") from None


Tenant = Annotated[
    str,
    typer.Option(help="Tenant. Events, reference rows and requests must name the same one."),
]
Bootstrap = Annotated[str | None, typer.Option(help="Kafka, host:port; else TIEOUT_BOOTSTRAP.")]
SettingsFile = Annotated[
    Path | None, typer.Option("--file", help="TOML file with settings; the environment wins over it.")
]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object on stdout instead of text.")]
Scenario = Annotated[
    str,
    typer.Option(callback=scenario_name, help="day, quarter-end, renewal-wave or usage-surge."),
]
