"""``tieout doctor``: what is wrong with this installation, and what to do next.

Invariant: it changes nothing, says something without a broker too, and its exit status is that of the worst finding.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import typer

from tieout.streams.operate.cli.exits import ASKS_BROKER, Exit, epilog, leave, status_of
from tieout.streams.operate.cli.options import AsJson, Bootstrap, SettingsFile

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tieout.streams.operate.doctor.findings import Finding

app = typer.Typer(add_completion=False, rich_markup_mode=None)

_MARKS = {"fine": "✓", "attention": "!", "broken": "✗"}


@app.command(epilog=epilog(Exit.FAILURE, Exit.ATTENTION, *ASKS_BROKER))
def doctor(bootstrap: Bootstrap = None, file: SettingsFile = None, as_json: AsJson = False) -> None:
    """Look at broker, topics, groups, workers, partitions, transactions, clocks and disk, and say what to do.

    Takes a few seconds: what moves is looked at twice. Changes nothing.
    """
    from tieout.streams.edges.reaching import KafkaRefusedError
    from tieout.streams.operate.cli.config import settings_or_exit
    from tieout.streams.operate.doctor.findings import worst
    from tieout.streams.operate.doctor.judging import kafka_findings, machine_findings, nobody_answers
    from tieout.streams.operate.doctor.looking import look_at_kafka, look_here

    settings = settings_or_exit(file, bootstrap=bootstrap)
    here = look_here(settings)
    findings = list(machine_findings(here))
    refused: KafkaRefusedError | None = None
    try:
        seen = asyncio.run(look_at_kafka(settings))
        findings += kafka_findings(seen, here.version)
    except KafkaRefusedError as error:
        refused = error
        findings.append(nobody_answers(settings.bootstrap, repr(_root(error))))
    _show(findings, as_json)
    if refused is not None:
        leave(refused, status_of(refused))
    raise typer.Exit({"fine": Exit.OK, "attention": Exit.ATTENTION, "broken": Exit.FAILURE}[worst(findings)])


def _root(error: BaseException) -> BaseException:
    while error.__cause__ is not None:
        error = error.__cause__
    return error


def _show(findings: Sequence[Finding], as_json: bool) -> None:
    import msgspec

    from tieout.streams.operate.doctor.findings import worst

    if as_json:
        document = {"severity": worst(findings), "findings": findings}
        typer.echo(msgspec.json.encode(document).decode())
        return
    width = max(len(finding.about) for finding in findings)
    for finding in findings:
        typer.echo(f"{_MARKS[finding.severity]} {finding.about:<{width}}  {finding.found}")
        if finding.next_step:
            typer.echo(f"  {'':<{width}}  next: {finding.next_step}")
    counted = {name: sum(f.severity == name for f in findings) for name in _MARKS}
    typer.echo(f"{counted['broken']} broken, {counted['attention']} to look at, {counted['fine']} fine")
