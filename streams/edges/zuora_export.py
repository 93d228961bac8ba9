"""A folder of CSV files, one per table of a Zuora warehouse export, read as rows with their line numbers.

Invariant: every data row of every file is returned under its table; nothing is typed or dropped here.
"""

from __future__ import annotations

import csv
from pathlib import Path

from tieout.agents.sources.zuora import NOT_USED, USED_TABLES, Tables

FIELD_CHARACTERS_MAX = 1 << 20


class NotAnExportError(ValueError):
    """The folder is no Zuora export, or a file of it is no CSV. Says which, and what is expected."""


def read_export(folder: Path) -> Tables:
    """Table -> rows. File names are ``<table>.csv``, ``zuora_<table>.csv`` or ``zuora_<table>_data.csv``.

    Raises NotAnExportError and OSError.
    """
    csv.field_size_limit(FIELD_CHARACTERS_MAX)
    tables = {}
    for path in sorted(folder.glob("*.csv")):
        table = path.stem.removeprefix("zuora_").removesuffix("_data")
        if table in USED_TABLES or table in NOT_USED:
            tables[table] = _rows(path)
    missing = [table for table in USED_TABLES if table not in tables]
    if missing:
        names = ", ".join(f"zuora_{table}_data.csv" for table in missing)
        raise NotAnExportError(f"{folder} is no Zuora export: {names} missing; export these tables as CSV")
    return tables


def _rows(path: Path) -> list[tuple[int, dict[str, str]]]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file, restkey="", restval="", strict=True)
            return [(reader.line_num, _texts(row)) for row in reader]
    except (csv.Error, UnicodeDecodeError) as error:
        raise NotAnExportError(f"{path} is no CSV in UTF-8: {error}; export it again") from error


def _texts(row: dict[str, str]) -> dict[str, str]:
    """Cells beyond the heading come as a list under the empty name; they belong to no column."""
    return {column: cell.strip() for column, cell in row.items() if column and isinstance(cell, str)}
