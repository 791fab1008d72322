"""Numerics of ``reparam``."""

from __future__ import annotations

from typing import Any

from hepppl.plugin import EstimatorNumerics, Visit, VisitSite


class Reparam(EstimatorNumerics):
    """The quantile at the site's uniform, with the derivative that the distribution gives it."""

    def visit(self, state: Any, site: VisitSite) -> Visit:
        return Visit(site.sample(), state)
