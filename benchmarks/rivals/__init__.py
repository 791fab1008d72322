"""Hand-written implementations of the benchmarks' programs: what a good programmer would write without hepppl.

Each is an honest best effort in its own style, checked against exact values in ``tests/statistical/test_rivals.py``.
"""
