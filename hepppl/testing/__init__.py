"""The conformance kit: does a plugin do what the interface asks, and what its metadata say?

.. code-block:: python

    import pytest
    from hepppl.testing import checks


    @pytest.mark.parametrize("check", checks("my_estimator"), ids=str)
    def test_my_estimator_conforms(check):
        check()

`check` runs them all and gives a `Report`, as ``hepppl plugins check NAME`` does. The plugin is found by its entry
point, so its package must be installed. Each check is a function without arguments that returns what it found in words,
raises `CheckFailed`, or raises `NotApplicable` (which pytest takes for a skipped test).
"""

from hepppl.testing.kit import check, checks
from hepppl.testing.report import Check, CheckFailed, NamedCheck, NotApplicable, Report

__all__ = ["Check", "CheckFailed", "NamedCheck", "NotApplicable", "Report", "check", "checks"]
