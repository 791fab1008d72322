"""hepppl against hand-written programs: ``python -m benchmarks`` measures, writes ``results.md`` and ``results.json``.

All numbers are from one core in one run, rivals and hepppl in turn, so that ratios hold where times do not.
"""
