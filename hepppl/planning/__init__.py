"""Which gradient estimator serves which site, and why: `choose` makes a `Plan` from a `ModelGraph`."""

from hepppl.planning.choose import choose
from hepppl.planning.plan import Plan, SitePlan
from hepppl.planning.saved import apply, dumps, loads
from hepppl.planning.show import table

__all__ = ["Plan", "SitePlan", "apply", "choose", "dumps", "loads", "table"]
