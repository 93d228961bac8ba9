"""``tieout schema``: judge the event language before it is released, and show what is released.

Invariant: ``check`` exits 0 only when every rule of the lint holds and every released version reads every other.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from tieout.avro.catalogue import EVENT_TYPES, RECORDS
from tieout.avro.compatibility import check as check_compatibility
from tieout.avro.compatibility import release, unreleased
from tieout.avro.lint import Finding, lint
from tieout.avro.loading import SchemaError, SchemaFiles, from_folder, lock_text, packaged
from tieout.streams.operate.apache_avro import ApacheJudge, JudgeMissing
from tieout.streams.operate.cli.exits import Exit, epilog, leave
from tieout.streams.operate.cli.options import AsJson

app = typer.Typer(add_completion=False, rich_markup_mode=None, no_args_is_help=True)

Folder = Annotated[
    Path | None,
    typer.Option(help="Folder with schemas/ and schemas.lock.json; the packaged language when not given."),
]


@app.callback()
def schema() -> None:
    """List the event language and check its compatibility."""


def _read(folder: Path | None) -> SchemaFiles:
    try:
        return packaged() if folder is None else from_folder(folder)
    except SchemaError as error:
        leave(f"the schema files cannot be judged: {error}", Exit.SCHEMA)
    except OSError as error:
        leave(f"the schema files cannot be read: {error}; name their folder with --folder", Exit.USAGE)


@app.command("check", epilog=epilog(Exit.CONFIG, Exit.SCHEMA))
def check(
    folder: Folder = None,
    as_json: AsJson = False,
    do_release: Annotated[
        bool,
        typer.Option("--release", help="When nothing is wrong, add new files to the lock (needs --folder)."),
    ] = False,
) -> None:
    """Lint every file, then FULL_TRANSITIVE compatibility, judged by Apache's implementation."""
    if do_release and folder is None:
        raise typer.BadParameter("--release writes the lock of a source tree; name it with --folder")
    files = _read(folder)
    try:
        findings = (*lint(files), *check_compatibility(files, ApacheJudge()))
    except JudgeMissing as error:
        leave(error, Exit.CONFIG)
    waiting = tuple(found.file for found in unreleased(files))
    findings = tuple(f for f in findings if not (f.rule == "unused" and f.file in waiting))
    _say(findings, files, waiting, as_json)
    if findings:
        raise typer.Exit(Exit.SCHEMA)
    if do_release and folder is not None:
        _release(files, folder)


def _say(findings: tuple[Finding, ...], files: SchemaFiles, waiting: tuple[str, ...], as_json: bool) -> None:
    if as_json:
        rows = [{"file": f.file, "path": f.path, "rule": f.rule, "message": f.message} for f in findings]
        typer.echo(
            json.dumps(
                {
                    "ok": not findings,
                    "released": len(files.lock),
                    "files": len(files.records),
                    "unreleased": list(waiting),
                    "findings": rows,
                }
            )
        )
        return
    for finding in findings:
        place = f"{finding.file}: {finding.path}".rstrip(": ")
        typer.echo(f"{place}: {finding.message} [{finding.rule}]")
    verdict = f"{len(findings)} findings" if findings else "nothing wrong"
    typer.echo(f"{len(files.records)} files, {len(files.lock)} released schemas: {verdict}.")
    if waiting:
        typer.echo(
            f"Not released yet: {', '.join(waiting)}. Release with: tieout schema check --release --folder ..."
        )


def _release(files: SchemaFiles, folder: Path) -> None:
    entries = release(files)
    (folder / "schemas.lock.json").write_text(lock_text(entries), encoding="utf-8")
    typer.echo(f"Released {len(entries) - len(files.lock)} schemas.")


@app.command("list", epilog=epilog(Exit.SCHEMA))
def list_schemas(folder: Folder = None, as_json: AsJson = False) -> None:
    """Released schemas: id, record, version, what it is for, and for events ordering mode and owner."""
    files = _read(folder)
    events = {event.record: event for event in EVENT_TYPES.values()}
    rows = []
    for entry in sorted(files.lock, key=lambda entry: entry.id):
        kind, event = RECORDS.get(entry.record), events.get(entry.record)
        rows.append(
            {
                "id": entry.id,
                "record": entry.record,
                "version": entry.version,
                "role": "" if kind is None else kind.role,
                "type": "" if event is None else event.name,
                "ordering": "" if event is None else event.ordering,
                "owner": "" if event is None else event.owner,
                "sha256": entry.sha256,
            }
        )
    if as_json:
        typer.echo(json.dumps({"schemas": rows}))
        return
    table = Table("id", "record", "v", "role", "event type", "ordering", "owner", "fingerprint", box=None)
    for row in rows:
        shown = (*list(row.values())[:-1], str(row["sha256"])[:12])
        table.add_row(*(str(cell) for cell in shown))
    console = Console()
    if not console.is_terminal:
        console = Console(width=160)
    console.print(table)
