"""Upper limits and discovery significance in the asymptotic approximation.

G. Cowan, K. Cranmer, E. Gross and O. Vitells, "Asymptotic formulae for likelihood-based tests of new physics", Eur.
Phys. J. C 71 (2011) 1554, arXiv:1007.1727; CLs: A. Read, J. Phys. G 28 (2002) 2693.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

import jax
import numpy as np
from jax.scipy.special import log_ndtr

from hepppl.diagnostics import Diagnostic
from hepppl.diagnostics.errors import HepResultError, HepValueError
from hepppl.inference import fits
from hepppl.inference.expectation import expected_data
from hepppl.inference.fit import Discovery, UpperLimit
from hepppl.inference.minimise import Minimum, limits, minimise
from hepppl.inference.objective import Objective

if TYPE_CHECKING:
    from hepppl.model import Model

BANDS = (-2.0, -1.0, 0.0, 1.0, 2.0)


def check(model: Model, objective: Objective, poi: str) -> None:
    """Raises `HepValueError` (E451) where there is no such free parameter, and (E457) where its interval has no room
    above 0."""
    place = fits.parameter_of_interest(objective, poi)
    low, high = limits(objective)[place]
    if high <= 0 or low > 0:
        message = f"tests are of '{poi}' = 0 against larger values, but its interval is from {low:g} to {high:g}"
        raise HepValueError(Diagnostic("E457", message))


@dataclass(frozen=True, eq=False)
class Profile:
    """The profile likelihood of one parameter, which is not below 0 (the alternative statistics q̃ of the paper)."""

    objective: Objective
    poi: str
    start: np.ndarray
    _memo: dict[float, Minimum] = field(default_factory=dict, repr=False)

    @cached_property
    def place(self) -> int:
        return fits.parameter_of_interest(self.objective, self.poi)

    def at(self, mu: float) -> Minimum:
        """The minimum over all else at this value."""
        if mu not in self._memo:
            near = min(self._memo, key=lambda m: abs(m - mu), default=None)
            start = self.start if near is None else self._memo[near].x
            self._memo[mu] = self._checked(minimise(self.objective, start, {self.poi: mu}), f"{self.poi} = {mu:g}")
        return self._memo[mu]

    @cached_property
    def best(self) -> Minimum:
        """The minimum over all, with the parameter not below 0."""
        found = self._checked(minimise(self.objective, self.start), "all values")
        return found if found.x[self.place] >= 0 else self.at(0.0)

    @cached_property
    def background(self) -> np.ndarray:
        """The best values where the parameter is 0, or next to it where the data are impossible there."""
        try:
            return self.at(0.0).x
        except HepResultError:
            near = np.array(self.best.x)
            near[self.place] = 0.0
            return near

    def _checked(self, found: Minimum, where: str) -> Minimum:
        if not found.valid:
            raise fits.failed(f"the fit at {where} did not converge", None)
        return found

    def q(self, mu: float) -> float:
        """q̃_mu, eq. 16: twice the logarithm of the likelihood ratio, 0 where the best value lies above."""
        best = self.best
        return 0.0 if best.x[self.place] > mu else max(0.0, 2 * (self.at(mu).value - best.value))

    def q0(self) -> float:
        """q_0, eq. 12: against 0."""
        return max(0.0, 2 * (self.at(0.0).value - self.best.value))


def asimov(objective: Objective, x: np.ndarray) -> Objective:
    """The objective with the data that are expected at ``x``, and the constraints of nuisance parameters centred there
    (section 3.2). Normal, log-normal and gamma priors are centred; others stay as they are."""
    with jax.enable_x64(True):
        data = expected_data(objective.joint, np.asarray(x, float))
    joint = replace(objective.joint, observed=data)
    return replace(objective, joint=joint, centre=np.asarray(x, float))


def upper_limit(objective: Objective, poi: str, start: np.ndarray, level: float) -> UpperLimit:
    """The value of the parameter at which CLs falls to 1 - ``level``, observed and expected without a signal.

    Raises `HepResultError` (E912) where that lies beyond the parameter's interval.
    """
    objective = replace(objective, interest=objective.interest | {poi.partition("[")[0]})
    data = Profile(objective, poi, start)
    background = Profile(asimov(objective, data.background), poi, data.background)
    high = limits(objective)[data.place][1]

    def observed(mu: float) -> float:
        return cls(math.sqrt(data.q(mu)), math.sqrt(background.q(mu)))

    def expected(band: float) -> Callable[[float], float]:
        # the statistic of a background at this many standard deviations; a high one has a high limit
        return lambda mu: ratio(-band + math.sqrt(background.q(mu)), -band)

    scale = _scale(background, high)
    found = [crossing(f, 1 - level, scale, high, poi) for f in (observed, *(expected(band) for band in BANDS))]
    first, second, third, fourth, fifth = found[1:]
    return UpperLimit(poi, level, found[0], (first, second, third, fourth, fifth))


def _scale(background: Profile, high: float) -> float:
    """A value at which the Asimov statistic is about 1: a standard deviation of the parameter."""
    step = min(1.0, high / 2) if math.isfinite(high) else 1.0
    for _ in range(60):
        q = background.q(step)
        if 0.1 < q < 10:
            break
        step = step * (0.5 if q >= 10 else 2.0)
        if step >= high:
            return high / 2
    return step


def cls(root_q: float, root_asimov: float) -> float:
    """CLs from the roots of q̃_mu in the data and in the Asimov data of the background: eq. 66 and its ratio."""
    if root_asimov == 0:
        return 1.0
    if root_q <= root_asimov:
        statistic = root_q - root_asimov
    else:
        statistic = (root_q**2 - root_asimov**2) / (2 * root_asimov)
    return ratio(statistic + root_asimov, statistic)


def ratio(with_signal: float, without: float) -> float:
    """(1 - Φ(with_signal)) / (1 - Φ(without)), far into the tails."""
    with jax.enable_x64(True):
        return float(np.exp(log_ndtr(-with_signal) - log_ndtr(-without)))


def crossing(f: Callable[[float], float], target: float, scale: float, high: float, poi: str) -> float:
    """Where the falling function ``f`` is ``target``, between 0 and ``high``."""
    from scipy.optimize import brentq

    low, up = 0.0, min(2 * scale, high)
    while f(up) > target:
        if up >= high:
            message = f"the upper limit on '{poi}' lies beyond its interval, which ends at {high:g}"
            raise HepResultError(Diagnostic("E912", message, hints=(f"widen the interval of '{poi}'",)))
        low, up = up, min(2 * up, high)
    return float(brentq(lambda mu: f(mu) - target, low, up, xtol=1e-6 * up, rtol=1e-8))


def discovery(objective: Objective, poi: str, start: np.ndarray) -> Discovery:
    """The significance of the parameter not being 0: the root of q_0, eq. 53; expected at the parameter's default."""
    objective = replace(objective, interest=objective.interest | {poi.partition("[")[0]})
    data = Profile(objective, poi, start)
    significance = math.sqrt(data.q0())
    with jax.enable_x64(True):
        p_value = float(np.exp(log_ndtr(-significance)))
    signal = float(start[data.place])
    expected = None
    if signal > 0:
        at = data.at(signal).x
        expected = math.sqrt(Profile(asimov(objective, at), poi, at).q0())
    return Discovery(poi, significance, p_value, expected)
