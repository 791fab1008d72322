"""hepppl against hand-written programs: ``python -m benchmarks`` measures, writes ``results.md`` and ``results.json``.

Numbers are the processor's time on one core, rivals and hepppl in turn in one run, so that ratios hold where times do
not; the case "cores" alone uses two, and goes by the clock. ``--only CASE`` measures a case again (``--list`` names
them), ``--check`` exits with 1 if a bar is missed. ``python -m benchmarks.estimators`` holds hepppl's estimators
against each other and writes ``docs/estimator-table.md``.
"""
