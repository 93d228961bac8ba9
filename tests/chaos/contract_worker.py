"""``tieout worker`` with a skewed wall clock and output topics of its own: `contract_worker.py PREFIX SECONDS AFTER`.

Its settings come from the environment as always. The prefix goes before every topic that it writes, so that one inbox
can be read again and again, each time into an empty world. The clock is SECONDS off, from AFTER seconds on.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))

from chaos.job_worker import skew

from tieout.streams import topics
from tieout.streams.operate.cli import main

WRITTEN = (
    "ERP_COMMANDS",
    "REVENUE_EVENTS",
    "EXCEPTIONS",
    "DECISIONS",
    "DEAD_LETTERS",
    "CONTROL_RECEIPTS",
    "CONTROL_TOTALS",
)
"""Names of the topics that the contract agent writes."""


def write_under(prefix: str) -> None:
    """Give every written topic another name in this process."""
    for name in WRITTEN:
        setattr(topics, name, prefix + getattr(topics, name))
    real = topics.changelog_of
    topics.changelog_of = lambda agent: prefix + real(agent)


if __name__ == "__main__":
    write_under(sys.argv[1])
    skew(float(sys.argv[2]), float(sys.argv[3]))
    sys.argv[1:] = ["worker"]
    main()
