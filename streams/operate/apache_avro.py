"""Apache's own Avro implementation as the judge of compatibility: the second opinion that ours cannot bend.

Invariant: it sees the same self-contained schemas that are released, logical types and limits included.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any


class JudgeMissing(RuntimeError):  # noqa: N818 - named as what is wrong
    """The ``schema`` extra is not installed. Says how to install it."""


class ApacheJudge:
    """``avro.compatibility`` of the ``avro`` distribution. Raises JudgeMissing when it is not installed."""

    def __init__(self) -> None:
        try:
            from avro import compatibility, schema  # noqa: PLC0415 - the extra is optional at run time
        except ImportError as error:
            raise JudgeMissing(
                "checking compatibility needs Apache's avro package; install it with: pip install 'tieout[schema]'"
            ) from error
        self._checker = compatibility.ReaderWriterCompatibilityChecker
        self._parse = schema.parse
        self._compatible = compatibility.SchemaCompatibilityType.compatible

    def __call__(self, reader: Mapping[str, Any], writer: Mapping[str, Any]) -> tuple[str, ...]:
        """Reasons why data of ``writer`` cannot be read as ``reader``; empty when it can."""
        verdict = self._checker().get_compatibility(
            self._parse(json.dumps(reader)), self._parse(json.dumps(writer))
        )
        if verdict.compatibility == self._compatible:
            return ()
        kinds = ", ".join(sorted({str(kind).rsplit(".", 1)[-1] for kind in verdict.incompatibilities}))
        where = ", ".join(sorted(verdict.locations))
        why = "; ".join(sorted(verdict.messages))
        return (f"{kinds} at {where}: {why}",)
