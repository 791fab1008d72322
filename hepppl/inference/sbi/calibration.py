"""Is a posterior calibrated? Ranks, coverage and TARP on held-out pseudo-experiments, each with a test.

Of experiments whose true parameters are prior draws, the rank of the truth among posterior draws is uniform (SBC:
Talts, Betancourt, Simpson, Vehtari and Gelman, arXiv:1804.06788), a region of credibility c holds the truth in a
fraction c of them, and the fraction of draws nearer to a random point than the truth is uniform (TARP: Lemos, Coogan,
Hezaveh and Perreault-Levasseur, arXiv:2302.03026).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from hepppl.diagnostics import Diagnostic
from hepppl.diagnostics.errors import HepResultError
from hepppl.inference.sbi.sampling import Effort

if TYPE_CHECKING:
    from hepppl.inference.sbi.posterior import Posterior
    from hepppl.inference.sbi.simulator import Simulations

#: The probability that a calibrated posterior is called not to be trusted.
FALSE_ALARM = 1e-3
#: Posterior draws of each experiment, for methods that draw at once and for those that run chains.
DRAWS, CHAINED = 500, 128
EFFORT = Effort(chains=32, warmup=48, thin=6)
LEVELS = (0.68, 0.95)


@dataclass(frozen=True)
class Check:
    """A test: ``p`` is the probability of a value as extreme, were the posterior exact."""

    name: str
    value: float
    p: float

    def to_dict(self) -> dict[str, Any]:
        return {"name": self.name, "value": self.value, "p": self.p}


@dataclass(frozen=True, eq=False)
class Calibration:
    """``ranks`` (experiments, parameters): the fraction of posterior draws below the truth. ``regions`` (experiments,):
    the credibility of the smallest region of high density that holds the truth. ``tarp`` (experiments,).
    ``coverage``: level -> fraction of experiments whose central interval of each parameter holds the truth, and, under
    "region", whose region does. ``checks``: the tests. ``local``: the experiments are around one observation,
    and not from the prior."""

    ranks: np.ndarray
    regions: np.ndarray
    tarp: np.ndarray
    labels: tuple[str, ...]
    checks: tuple[Check, ...]
    local: bool = False
    false_alarm: float = FALSE_ALARM

    @property
    def threshold(self) -> float:
        return self.false_alarm / len(self.checks)

    @property
    def failed(self) -> tuple[Check, ...]:
        return tuple(c for c in self.checks if not c.p >= self.threshold)

    @property
    def ok(self) -> bool:
        return not self.failed

    @property
    def coverage(self) -> dict[str, dict[str, float]]:
        found = {}
        for level in LEVELS:
            inside = np.abs(self.ranks - 0.5) < level / 2
            each = {name: float(x) for name, x in zip(self.labels, inside.mean(0), strict=True)}
            found[f"{level:g}"] = {**each, "region": float((self.regions < level).mean())}
        return found

    def to_dict(self) -> dict[str, Any]:
        return {
            "experiments": len(self.ranks),
            "around": "the observation" if self.local else "the prior",
            "coverage": self.coverage,
            "checks": [c.to_dict() for c in self.checks],
            "false_alarm": self.false_alarm,
            "ok": self.ok,
        }

    def data_set(self) -> Any:
        """As an xarray group."""
        import xarray

        variables = {
            "ranks": (("experiment", "parameter"), self.ranks),
            "regions": ("experiment", self.regions),
            "tarp": ("experiment", self.tarp),
        }
        return xarray.DataTree(xarray.Dataset(variables, {"parameter": list(self.labels)}))

    def plot(self, path: str | os.PathLike[str]) -> None:
        """Coverage, TARP and ranks (extra ``plot``): ``.png``, ``.pdf`` or ``.svg``."""
        from hepppl.plotting.calibration import draw

        draw(path, self.ranks, self.regions, self.tarp, self.labels, f"{len(self.ranks)} pseudo-experiments")

    def saved(self) -> dict[str, Any]:
        """As plain lists, for `of`."""
        lists = {name: getattr(self, name).tolist() for name in ("ranks", "regions", "tarp")}
        return {**lists, "local": self.local}

    @classmethod
    def of(cls, saved: Mapping[str, Any], labels: tuple[str, ...]) -> Calibration:
        ranks, regions, tarp = (np.asarray(saved[name], float) for name in ("ranks", "regions", "tarp"))
        return tested(ranks, regions, tarp, labels, saved.get("local", False))


def calibrate(posterior: Posterior, held_out: Simulations, seed: int = 0, draws: int | None = None) -> Calibration:
    """Of a posterior, by pseudo-experiments that it was not trained on."""
    x = posterior.features.batch(held_out.outputs, held_out.events)
    truth = posterior.prior.to_normal(held_out.theta)
    n = draws or (DRAWS if posterior.direct else CHAINED)
    y, _ = posterior.draw(x, n, seed, EFFORT)
    y = np.asarray(y, float)
    logs = densities(posterior, np.concatenate([truth[:, None], y], 1), x)
    noise = np.random.default_rng(seed)
    return ranked(truth, y, logs, posterior.prior.labels, noise)


def ranked(
    truth: np.ndarray,
    y: np.ndarray,
    logs: np.ndarray,
    labels: tuple[str, ...],
    noise: np.random.Generator,
    kept: np.ndarray | None = None,
) -> Calibration:
    """From the true points (experiments, dim), posterior draws (experiments, n, dim), and log posterior densities of
    the one followed by the others, up to a constant of each experiment. ``kept`` (experiments, n): the draws that
    count, of pseudo-experiments around an observation; else they are from the prior."""
    local = kept is not None
    count = np.ones(y.shape[:2], bool) if kept is None else kept
    regions = rank(-logs[:, 1:], -logs[:, :1], noise, count)[:, 0]
    # away from what each is a point of: from the prior, or the truth of another experiment
    point = np.roll(truth, 1, 0) if local else noise.standard_normal(truth.shape)
    away = np.linalg.norm(np.concatenate([truth[:, None], y], 1) - point[:, None], axis=-1)
    tarp = rank(away[:, 1:], away[:, :1], noise, count)[:, 0]
    ranks = np.stack([rank(y[:, :, i], truth[:, i : i + 1], noise, count)[:, 0] for i in range(truth.shape[1])], -1)
    return tested(ranks, regions, tarp, labels, local)


def tested(
    ranks: np.ndarray, regions: np.ndarray, tarp: np.ndarray, labels: tuple[str, ...], local: bool
) -> Calibration:
    checks = [uniform(f"rank of {name}", ranks[:, i]) for i, name in enumerate(labels)]
    checks += [uniform("credibility of the truth", regions), uniform("TARP", tarp)]
    return Calibration(ranks, regions, tarp, labels, tuple(checks), local)


def densities(posterior: Posterior, y: np.ndarray, x: Any) -> np.ndarray:
    """Log densities up to a constant of each experiment, which is all that their order needs."""
    if posterior.direct:
        return posterior.log_densities(y, x)
    from hepppl.inference.sbi.posterior import likelihoods

    return likelihoods(posterior.networks, y, x) - 0.5 * (y**2).sum(-1)


def rank(
    draws: np.ndarray, truth: np.ndarray, noise: np.random.Generator, kept: np.ndarray | None = None
) -> np.ndarray:
    """The fraction of ``draws`` (experiments, n), of those ``kept``, below ``truth`` (experiments, 1), spread over its
    step so that the rank of one more draw is uniform on (0, 1)."""
    count = np.ones(draws.shape, bool) if kept is None else kept
    below, ties = ((count & x).sum(1, keepdims=True) for x in (draws < truth, draws == truth))
    return (below + noise.random(below.shape) * (ties + 1)) / (count.sum(1, keepdims=True) + 1)


def uniform(name: str, values: np.ndarray) -> Check:
    """The Kolmogorov–Smirnov test that values are uniform on (0, 1)."""
    n = len(values)
    ordered = np.sort(values)
    steps = np.arange(n)
    distance = float(max((ordered - steps / n).max(), ((steps + 1) / n - ordered).max()))
    return Check(name, distance, kolmogorov(distance, n))


def kolmogorov(distance: float, n: int) -> float:
    """P(D_n ≥ distance) by Kolmogorov's series with Stephens' correction for finite n (J. R. Stat. Soc. B 32, 1970)."""
    t = distance * (np.sqrt(n) + 0.12 + 0.11 / np.sqrt(n))
    if t < 0.2:
        return 1.0
    k = np.arange(1, 101)
    return float(np.clip(2 * np.sum((-1.0) ** (k - 1) * np.exp(-2 * (k * t) ** 2)), 0, 1))


def check(posterior: Posterior) -> None:
    """Raises `HepResultError` (E930, with the posterior as ``.result``) where its calibration fails."""
    found = posterior.calibration
    assert found is not None
    if found.ok:
        return
    n, where = len(found.ranks), " around the observation" if found.local else ""
    said = [
        Diagnostic(
            "E930",
            f"the posterior is not calibrated: {c.name} over {n} pseudo-experiments{where} is not uniform "
            f"(Kolmogorov–Smirnov {c.value:.3f}, p = {c.p:.1g})",
            hints=("train on more simulations, longer, or with a wider network",),
        )
        for c in found.failed
    ]
    error = HepResultError(said)
    error.result = posterior
    raise error
