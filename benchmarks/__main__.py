"""``python -m benchmarks`` runs the cases on one core and writes the results; ``--check`` fails if a bar is missed."""

from __future__ import annotations

import argparse
import sys
import time


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--check", action="store_true", help="exit 1 if a bar is missed")
    parser.add_argument("--only", action="append", metavar="CASE", help="absorbers, varying, walks, reverse or front")
    parser.add_argument("--rounds", type=int, default=7, help="times each contestant runs (default 7)")
    parser.add_argument("--scale", type=float, default=1.0, help="events relative to the default (a power of two)")
    parser.add_argument("--dry", action="store_true", help="print the results, write no file")
    options = parser.parse_args()

    from .measure import machine, use_one_core

    cores = use_one_core()
    from .cases import CASES
    from .report import Ratio, Results, Speed

    unknown = set(options.only or ()) - set(CASES)
    if unknown:
        parser.error(f"no case {', '.join(sorted(unknown))}; there are {', '.join(CASES)}")
    rows = []
    for name in options.only or CASES:
        start = time.perf_counter()
        rows.extend(CASES[name](options.scale, options.rounds))
        print(f"{name}: {time.perf_counter() - start:.0f} s", file=sys.stderr)
    speeds = [row for row in rows if isinstance(row, Speed)]
    ratios = [row for row in rows if isinstance(row, Ratio)]
    results = Results({"cores": cores, **machine()}, speeds, ratios)
    print(results.markdown())
    if not options.dry:
        results.write()
    for ratio in results.missed:
        print(f"missed: {ratio.what}: {ratio.value:.3g}, bar {ratio.bar:g}", file=sys.stderr)
    return 1 if options.check and results.missed else 0


if __name__ == "__main__":
    sys.exit(main())
