"""Which ERP a demo posts to, by its options."""

from __future__ import annotations

from pathlib import Path

from tieout.streams.operate.demo.erp import DemoErp
from tieout.streams.operate.demo.options import DemoOptions
from tieout.streams.operate.demo.standin_erp import StandinForDemo
from tieout.streams.operate.demo.tryton_erp import TrytonForDemo
from tieout.streams.operate.generate import Generation


def erp_of(options: DemoOptions, directory: Path, generation: Generation) -> DemoErp | None:
    """The ERP, not started; None where the commands stay in the log."""
    if options.erp == "standin":
        return StandinForDemo(directory / "erp", generation.reference())
    if options.erp == "tryton":
        return TrytonForDemo(directory, generation.reference(), generation.start.year)
    return None
