"""hepppl against hand-written programs: ``python -m benchmarks`` measures, writes ``results.md`` and ``results.json``.

``python -m benchmarks.estimators`` holds hepppl's estimators against each other and writes ``docs/estimator-table.md``.
All numbers are from one core in one run, contestants in turn, so that ratios hold where times do not.
"""
