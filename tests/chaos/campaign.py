"""``make chaos``: every fault of the matrix against a real broker and real workers, one after the other.

Run as a script. It ends by itself: with 0 when nothing was found, with 1 when something was, a fault that could not be
carried through included. Invariant: whatever ends it, no process that it has started is left behind.
"""

from __future__ import annotations

import argparse
import logging
import shutil
import signal
import sys
import tempfile
import time
import traceback
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))

from chaos import report
from chaos.anomalies import Anomaly, FaultResult
from chaos.matrix import MATRIX
from chaos.stage import Stage

ROOT = Path(__file__).resolve().parents[2]
INTERRUPTED = 130


def main() -> int:
    """Carry the campaign through; the exit status."""
    options = _options()
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # a broker that is gone is what this is about
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _interrupt)
    began = time.monotonic()
    folder = Path(options.keep or tempfile.mkdtemp(prefix="tieout-chaos-"))

    def say(text: str) -> None:
        sys.stdout.write(f"{time.monotonic() - began:7.1f} s  {text}\n")
        sys.stdout.flush()

    stage = Stage(seed=options.seed, scale=options.scale, folder=folder, say=say)
    results: list[FaultResult] = []
    try:
        for name in options.only:
            say(f"{name} begins")
            results.append(_carry_through(stage, name))
            say(f"{name} ends: {len(results[-1].anomalies)} anomalies, {results[-1].seconds:.0f} s")
            for anomaly in results[-1].anomalies:
                say(f"  {anomaly}")
    except KeyboardInterrupt:
        say("interrupted; what was started is being ended, and no report is written")
        return INTERRUPTED
    finally:
        stage.close()
    about = report.facts(options.seed, options.scale, ROOT)
    where = options.out or ("docs" if len(results) == len(MATRIX) else "build")
    page = report.write(ROOT / where, options.name, about, results, time.monotonic() - began)
    found = sum(len(result.anomalies) for result in results)
    say(f"{found} anomalies in {len(results)} faults; {page}" + (f"; logs in {folder}" if found else ""))
    if not found and options.keep is None:
        shutil.rmtree(folder, ignore_errors=True)
    return 1 if found else 0


def _carry_through(stage: Stage, name: str) -> FaultResult:
    """One fault; where the campaign itself fails, that is a finding too, and the others go on."""
    began = time.monotonic()
    title, play = MATRIX[name]
    try:
        result = play(stage)
    except Exception as error:  # noqa: BLE001 - whatever it is, the campaign goes on and says so
        traceback.print_exc()
        broken = Anomaly("crash", "the campaign itself", f"{type(error).__name__}: {error}")
        result = FaultResult(fault=name, title=title, anomalies=[broken])
    result.seconds = time.monotonic() - began
    return result


def _interrupt(*_: Any) -> None:
    raise KeyboardInterrupt


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="faults against a real broker and real workers")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument(
        "--scale", type=float, default=1.0, help="share of the matrix' counts; 1 takes half an hour"
    )
    parser.add_argument("--only", type=_faults, default=tuple(MATRIX), help="for example F1,F7")
    parser.add_argument("--out", help="where the report goes: docs for all faults, build for some of them")
    parser.add_argument("--name", default="chaos-report", help="name of the report's files")
    parser.add_argument("--keep", help="keep logs and state in this directory")
    return parser.parse_args()


def _faults(text: str) -> tuple[str, ...]:
    names = tuple(text.split(","))
    unknown = [name for name in names if name not in MATRIX]
    if unknown:
        raise argparse.ArgumentTypeError(f"there is no fault {unknown[0]}; choose from {', '.join(MATRIX)}")
    return names


if __name__ == "__main__":
    sys.exit(main())
