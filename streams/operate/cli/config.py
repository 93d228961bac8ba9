"""``tieout config``: what this process would run with, and whether it may. Secrets are never printed.

Exit status: 0 fine, 3 the settings are refused.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from tieout.streams.settings import Settings

EXIT_SETTINGS = 3

app = typer.Typer(name="config", help="Show, check or document the settings.", no_args_is_help=True)

File = Annotated[Path | None, typer.Option("--file", help="TOML file; the environment wins over it.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def settings_or_exit(file: Path | None = None, **options: object) -> Settings:
    """Load the settings, or print each problem to stderr and exit with 3. For every command that needs them."""
    from tieout.streams.settings import SettingsRefused, load

    try:
        return load(file, **options)
    except SettingsRefused as refused:
        for problem in refused.problems:
            typer.echo(f"settings refused: {problem}", err=True)
        raise typer.Exit(EXIT_SETTINGS) from None


@app.command()
def show(file: File = None, as_json: AsJson = False) -> None:
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
        typer.echo(f"{name:<{width}}  {text}  [{unit}; {came_from[name]}]")


@app.command()
def check(file: File = None) -> None:
    """Say whether a process started with this environment and file would accept its settings."""
    settings = settings_or_exit(file)
    typer.echo(f"settings accepted: {len(settings.model_fields_set)} set, the rest are defaults")


@app.command()
def reference() -> None:
    """Print docs/settings.md."""
    from tieout.streams.settings import reference as page

    typer.echo(page(), nl=False)
