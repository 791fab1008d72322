"""``finite_difference``: the same events at parameters a little larger and a little smaller."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hepppl.plugin import Estimator

STEP = 0.02


class FiniteDifference(Estimator):
    def check_options(self, options: Mapping[str, Any]) -> str | None:
        step = options.get("step", STEP)
        if not isinstance(step, int | float) or isinstance(step, bool) or not 1e-4 <= step <= 1:
            return f"step of estimator 'finite_difference', relative to the parameter, is 1e-4 to 1, not {step!r}"
        return super().check_options(options)


ESTIMATOR = FiniteDifference(
    name="finite_difference",
    summary="takes the difference of the same events at θ + h and θ - h (common random numbers)",
    unbiased=False,
    cost="two runs for each parameter",
    relative_cost=2.0,
    citation=(
        "P. Glasserman and D. D. Yao, Some guidelines and guarantees for common random numbers, Management Science 38 "
        "(1992) 884, doi:10.1287/mnsc.38.6.884; P. L'Ecuyer and G. Perron, On the convergence rates of IPA and FDC "
        "derivative estimators, Operations Research 42 (1994) 643, doi:10.1287/opre.42.4.643"
    ),
    numerics="hepppl_estimators._finite_difference:CentralDifferences",
    options={"step": STEP},
    whole_program=True,
)
