"""Expected against actual. Differences are added as absolute amounts: two errors never cancel out.

Invariant: everything that is expected and everything that was found is looked at once; ``tied_out`` is true only
where nothing differs.
"""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

from oracle.expected import Amount, Command, Expected, Measure
from oracle.reading import Actual

Key = TypeVar("Key")

MAY_BE_OPEN = {"SEQUENCE_GAP", "EVIDENCE_UNKNOWN_PO"}
"""May also be raised for what waits behind something refused; never where all of a contract was applied."""


@dataclass(frozen=True)
class Report:
    """The verdict. ``oracle_difference``: sum of absolute differences per (contract, class, currency)."""

    oracle_difference: int
    contracts_differing: tuple[str, ...]
    lost: int
    """Expected commands that do not exist, and deliveries that no control total accounts for."""
    duplicated: int
    """Commands and revenue events beyond the first of their kind."""
    missing_commands: tuple[Command, ...]
    extra_commands: tuple[Command, ...]
    wrong_documents: tuple[Command, ...]
    amounts: Mapping[Amount, tuple[int, int]]
    """(expected, actual) where they differ."""
    measures: Mapping[Measure, tuple[int, int]]
    obligations: Mapping[tuple[str, str], tuple[int, int]]
    periods: Mapping[tuple[str, str], tuple[int, int]]
    """Service periods, where they were worked out."""
    missing_exceptions: tuple[tuple[str, str], ...]
    extra_exceptions: tuple[tuple[str, str], ...]
    wrong_owners: Mapping[str, str]
    outcomes: Mapping[tuple[str, str], tuple[int, int]]
    dead_letters: Mapping[str, int]
    broken: tuple[str, ...]

    @property
    def tied_out(self) -> bool:
        """Whether the run did all that it had to, and nothing else."""
        return not (self.oracle_difference or self.lost or self.duplicated or self.findings)

    @property
    def findings(self) -> tuple[str, ...]:
        """Every other difference as a short sentence, the first five of each kind."""
        kinds = {
            "missing command": self.missing_commands,
            "unexpected command": self.extra_commands,
            "document with other amounts": self.wrong_documents,
            "amount differs (expected, actual)": tuple(self.amounts.items()),
            "measure differs (expected, actual)": tuple(self.measures.items()),
            "obligation differs (expected, actual)": tuple(self.obligations.items()),
            "service period differs (expected, actual)": tuple(self.periods.items()),
            "missing exception": self.missing_exceptions,
            "unexpected exception": self.extra_exceptions,
            "exception with another owner": tuple(self.wrong_owners.items()),
            "outcomes differ (expected, actual)": tuple(self.outcomes.items()),
            "dead letter": tuple(self.dead_letters.items()),
            "broken": self.broken,
        }
        return tuple(f"{kind}: {each}" for kind, found in kinds.items() for each in found[:5])


def compare(expected: Expected, actual: Actual, *, dead_letters: Mapping[str, int] | None = None) -> Report:
    """Judge a run. ``dead_letters``: reason -> how many the caller itself provoked beside the generated stream."""
    amounts = _differing(expected.amounts, actual.amounts)
    missing = expected.commands - actual.commands
    beyond = actual.commands - expected.commands
    extra = Counter({key: count for key, count in beyond.items() if key not in expected.commands})
    outcomes = _differing(expected.outcomes, actual.outcomes) if actual.totals_seen else {}
    unaccounted = max(0, expected.received - sum(actual.outcomes.values())) if actual.totals_seen else 0
    missing_exceptions, extra_exceptions = _exceptions(expected, actual)
    dead = actual.dead_letters - Counter(dead_letters or {})
    return Report(
        oracle_difference=sum(abs(wanted - found) for wanted, found in amounts.values()),
        contracts_differing=tuple(sorted({contract for contract, _, _ in amounts})),
        lost=missing.total() + unaccounted,
        duplicated=_duplicated(beyond - extra, actual.copies),
        missing_commands=tuple(sorted(missing)),
        extra_commands=tuple(sorted(extra)),
        wrong_documents=tuple(
            sorted(
                key
                for key, amount in expected.documents.items()
                if actual.documents.get(key, amount) != amount
            )
        ),
        amounts=amounts,
        measures=_differing(expected.measures, actual.measures),
        obligations=_obligations(expected, actual),
        periods=_differing(expected.by_period, actual.by_period) if expected.by_period else {},
        missing_exceptions=missing_exceptions,
        extra_exceptions=extra_exceptions,
        wrong_owners=_owners(expected, actual),
        outcomes=outcomes,
        dead_letters=dict(dead),
        broken=(*actual.broken, *(() if actual.totals_seen else ("no control totals were found",))),
    )


def _differing(expected: Mapping[Key, int], actual: Mapping[Key, int]) -> dict[Key, tuple[int, int]]:
    pairs = {key: (expected.get(key, 0), actual.get(key, 0)) for key in {*expected, *actual}}
    return {key: pairs[key] for key in sorted(pairs) if pairs[key][0] != pairs[key][1]}


def _duplicated(again: Counter[Command], copies: Counter[str]) -> int:
    """Copies under the same id, and repeats of one order or document under another id."""
    return max(again.total(), copies.total())


def _obligations(expected: Expected, actual: Actual) -> dict[tuple[str, str], tuple[int, int]]:
    found = _differing(expected.by_obligation, actual.by_obligation)
    return {key: pair for key, pair in found.items() if key[0] not in expected.conceded}


WATCHED = frozenset({"FINANCING_SUSPECTED"})
"""What a person is asked to look at, and no amount follows from: a generated stream does not say when payments lie far
from what they pay for. Scenarios and the tests of ``accounting.financing`` judge it."""


def _exceptions(
    expected: Expected, actual: Actual
) -> tuple[tuple[tuple[str, str], ...], tuple[tuple[str, str], ...]]:
    missing = expected.exceptions - actual.exceptions
    extra = actual.exceptions - expected.exceptions
    unexpected = tuple(
        sorted(
            (contract, code)
            for contract, code in extra
            if code not in WATCHED and not (contract in expected.waiting and code in MAY_BE_OPEN)
        )
    )
    return tuple(sorted(missing)), unexpected


def _owners(expected: Expected, actual: Actual) -> dict[str, str]:
    """Codes whose exceptions went to another team than the table of reasons names."""

    def plain(name: str) -> str:
        return re.sub("[^a-z]+", " ", name.lower()).strip()

    return {
        code: owner
        for code, owners in actual.owners.items()
        for owner in owners
        if code in expected.owners and plain(owner) != plain(expected.owners[code])
    }
