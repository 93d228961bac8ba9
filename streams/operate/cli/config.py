"""``tieout config``: what this process would run with, and whether it may. Secrets are never printed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from tieout.streams.operate.cli.exits import Exit, epilog, leave
from tieout.streams.operate.cli.options import AsJson, SettingsFile

if TYPE_CHECKING:
    from tieout.streams.settings import Settings

app = typer.Typer(add_completion=False, rich_markup_mode=None, no_args_is_help=True)


@app.callback()
def config() -> None:
    """Show, check or document the settings."""


def settings_or_exit(file: Path | None = None, **options: object) -> Settings:
    """Load the settings, or print each problem to stderr and exit with 3. For every command that needs them."""
    from tieout.streams.settings import SettingsRefused, load

    try:
        return load(file, **options)
    except SettingsRefused as refused:
        for problem in refused.problems:
            typer.echo(f"settings refused: {problem}", err=True)
        raise typer.Exit(Exit.CONFIG) from None


@app.command(epilog=epilog(Exit.CONFIG))
def show(file: SettingsFile = None, as_json: AsJson = False) -> None:
    """Print every setting with its value, its unit and where the value came from."""
    settings = settings_or_exit(file)
    from tieout.streams.settings import Settings, origins, shown

    values, came_from = shown(settings), origins(settings)
    if as_json:
        import orjson

        typer.echo(orjson.dumps(values, option=orjson.OPT_INDENT_2).decode())
        return
    width = max(map(len, values))
    for name, value in values.items():
        extra = Settings.model_fields[name].json_schema_extra
        unit = extra["unit"] if isinstance(extra, dict) else ""
        text = ",".join(value) if isinstance(value, list) else "(not set)" if value is None else str(value)
        if name == "codec":
            text = f"{text} ({_codec_here(settings)})"
        typer.echo(f"{name:<{width}}  {text}  [{unit}; {came_from[name]}]")


def _codec_here(settings: Settings) -> str:
    from tieout.avro import record_codec

    try:
        here = f"here: {record_codec.implementation(settings.codec)}"
    except record_codec.CodecMissing:
        lacking = "not installed here" if record_codec.STALE is None else "stale here"
        return f"{lacking}: a worker would refuse to start"
    why = record_codec.why_not_compiled(settings.codec)
    return here if why is None else f"{here}; {why}"


@app.command(epilog=epilog(Exit.CONFIG))
def check(file: SettingsFile = None) -> None:
    """Say whether a process started with this environment and file would accept its settings."""
    settings = settings_or_exit(file)
    accounts = _accounts(settings)
    typer.echo(f"settings accepted: {len(settings.model_fields_set)} set, the rest are defaults{accounts}")


def _accounts(settings: Settings) -> str:
    """What is said of the ERP accounts of an agent that posts: profiles and secrets are read, and nothing is sent."""
    if "posting" not in settings.agents or settings.erp_file is None:
        return ""
    from tieout.streams.edges.erp.accounts import AccountsRefused, connect, load_accounts

    try:
        accounts = load_accounts(settings.erp_file)
        for name, account in accounts.items():
            connect(name, account, settings.erp_file.parent)
    except AccountsRefused as refused:
        leave(refused, Exit.CONFIG)
    return f"; ERP accounts: {', '.join(accounts)}"


@app.command(epilog=epilog())
def reference() -> None:
    """Print docs/settings.md."""
    from tieout.streams.settings import reference as page

    typer.echo(page(), nl=False)
