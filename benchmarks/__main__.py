"""``python -m benchmarks`` runs the cases and writes the results; ``--check`` fails if a bar is missed. All run on one
core but the case "cores"; ``--only`` runs some of them, and writes what it measured into the results that are there."""

from __future__ import annotations

import argparse
import sys
import time


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--check", action="store_true", help="exit 1 if a bar is missed")
    parser.add_argument("--only", action="append", metavar="CASE", help="one of the cases (see --list)")
    parser.add_argument("--list", action="store_true", help="name the cases")
    parser.add_argument("--rounds", type=int, default=7, help="times each contestant runs (default 7)")
    parser.add_argument("--scale", type=float, default=1.0, help="events relative to the default (a power of two)")
    parser.add_argument("--dry", action="store_true", help="print the results, write no file")
    options = parser.parse_args()

    from .measure import machine, use_one_core

    cores = use_one_core()
    from .cases import CASES
    from .report import Results

    if options.list:
        for name, case in CASES.items():
            print(f"{name:10} {(case.__doc__ or '').splitlines()[0]}")
        return 0
    unknown = set(options.only or ()) - set(CASES)
    if unknown:
        parser.error(f"no case {', '.join(sorted(unknown))}; there are {', '.join(CASES)}")
    measured = {}
    for name in options.only or CASES:
        start = time.perf_counter()
        measured[name] = list(CASES[name](options.scale, options.rounds))
        print(f"{name}: {time.perf_counter() - start:.0f} s", file=sys.stderr)
    results = Results({"cores": cores, **machine()}, measured)
    print(results.markdown())
    if not options.dry:
        results.within(Results.read() if options.only else None, list(CASES)).write()
    for ratio in results.missed:
        print(f"missed: {ratio.what}: {ratio.value:.3g}, bar {ratio.bar:g}", file=sys.stderr)
    return 1 if options.check and results.missed else 0


if __name__ == "__main__":
    sys.exit(main())
