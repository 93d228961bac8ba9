"""``make confluence``: scenarios, pairs of them and generated contracts in many orders of arrival, with duplicates.

    make confluence RUNS=20000 SEED=1
    make confluence ARGS="--only fasb-ex6-mod-then-variable-estimate-change"

Every scenario that says ``any_order``, pairs of them in one group, most of them combined into one arrangement, then
generated contracts until so many runs were made; in a quarter of the orders periods are closed in between. Exit status
1 when two orders end differently.
"""

import argparse
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from golden.scenario_files import SCENARIOS
from machine.joined_stories import pairs
from machine.orders_of_arrival import Confluence, short_lives, shuffled

from tieout.streams.operate.scenario.shuffling import Tries

LONGEST = 30
"""Events of a generated contract."""
OF_A_PAIR = 10
"""Orders of a pair, of which there are many."""


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=20_000, help="runs in all, at least")
    parser.add_argument("--orders", type=int, default=200, help="orders of more than six events")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0, help="number of the first generated contract")
    parser.add_argument("--only", help="one scenario")
    parser.add_argument("--pairs", type=int, default=300, help="pairs of scenarios")
    parser.add_argument("--generated", action="store_true", help="generated contracts alone")
    options = parser.parse_args()
    tries = Tries(options.orders, options.seed)
    free = [SCENARIOS[name] for name in sorted(SCENARIOS) if SCENARIOS[name].data.get("any_order")]
    total, began = Confluence(), time.monotonic()
    if options.only:
        _take(total, shuffled(SCENARIOS[options.only], tries))
        options.runs = 0
    elif not options.generated:
        for scenario in free:
            _take(total, shuffled(scenario, tries))
        for scenario in pairs(free, options.seed, options.first, options.pairs):
            _take(total, shuffled(scenario, Tries(OF_A_PAIR, options.seed, all_up_to=3)))
    for scenario in short_lives(options.seed, options.first, options.runs, LONGEST):
        if total.runs >= options.runs:
            break
        _take(total, shuffled(scenario, tries))
    seconds = time.monotonic() - began
    sys.stdout.write(
        f"{total.runs} runs of {total.scenarios} scenarios and contracts, {len(total.differing)} end differently in "
        f"another order, {seconds:.0f} s\n"
    )
    return 1 if total.differing else 0


def _take(total: Confluence, seen: Confluence) -> None:
    total.add(seen)
    for name, order, what in seen.differing:
        sys.stdout.write(f"DIFFERS {name}, {order}: {what}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
