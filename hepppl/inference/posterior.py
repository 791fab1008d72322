"""Posterior draws as an ArviZ data set: making it, judging it, showing it, saving it.

ArviZ's `InferenceData` is an xarray `DataTree` since its version 1: groups ``posterior`` (chain, draw, …),
``sample_stats`` and ``observed_data``. Values are in base units, which the attribute ``units`` names; the attributes
``model``, ``method`` and ``seed`` say what made it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from hepppl.diagnostics import Diagnostic
from hepppl.diagnostics.errors import HepResultError
from hepppl.io.write import library, result_format, writing

if TYPE_CHECKING:
    from hepppl.model import Model

EXTRA = "mcmc"
#: Bounds of a posterior that is trusted: A. Vehtari et al., "Rank-normalization, folding, and localization", Bayesian
#: Analysis 16 (2021) 667, recommends R-hat below 1.01 and 400 effective draws; a divergence now and then is allowed.
MAX_RHAT, MIN_ESS, MAX_DIVERGENT = 1.01, 400, 0.005
#: The central intervals of the summary.
QUANTILES = (0.16, 0.84)


@dataclass(frozen=True)
class Row:
    """One number of a posterior: mean and standard deviation, the Monte Carlo error of the mean, the central 68 %
    interval, effective draws and R-hat (NaN for one chain of independent draws)."""

    name: str
    mean: float
    sd: float
    mcse: float
    low: float
    high: float
    ess: float
    rhat: float


def data_set(
    model: Model,
    method: str,
    seed: int,
    draws: Mapping[str, np.ndarray],
    observed: Mapping[str, np.ndarray],
    stats: Mapping[str, np.ndarray] | None = None,
    attrs: Mapping[str, Any] | None = None,
) -> Any:
    """``draws``: name -> (chains, draws, *shape) in base units; ``stats``: name -> (chains, draws)."""
    units = {name: model.params[name].unit for name in draws if name in model.params}
    about = {"model": model.name, "method": method, "seed": str(seed), "units": json.dumps(units), **(attrs or {})}
    groups: dict[str, Any] = {"posterior": dict(draws), "observed_data": dict(observed)}
    if stats:
        groups["sample_stats"] = dict(stats)
    tree = library("arviz_base", EXTRA).from_dict(groups)
    tree.attrs.update(about)
    return tree


def rows(tree: Any) -> list[Row]:
    """A row for every number of the posterior."""
    stats = library("arviz_stats", EXTRA)
    posterior = tree["posterior"]
    chains = posterior.sizes["chain"]
    ess = stats.ess(tree, method="bulk")
    rhat = stats.rhat(tree) if chains > 1 else None
    error = stats.mcse(tree, method="mean")
    found = []
    for name, values in posterior.data_vars.items():
        flat = np.asarray(values).reshape(-1, *values.shape[2:])
        for at in np.ndindex(*values.shape[2:]):
            x = flat[(slice(None), *at)]
            low, high = np.quantile(x, QUANTILES)
            label = f"{name}[{', '.join(map(str, at))}]" if at else str(name)
            numbers = [float(np.asarray(t[name])[at]) if t is not None else np.nan for t in (error, ess, rhat)]
            found.append(Row(label, float(x.mean()), float(x.std(ddof=1)), numbers[0], low, high, *numbers[1:]))
    return found


def divergences(tree: Any) -> int | None:
    """How many transitions diverged; None where the method has none."""
    if "sample_stats" not in tree.children or "diverging" not in tree["sample_stats"]:
        return None
    return int(np.asarray(tree["sample_stats"]["diverging"]).sum())


HINTS = ("run longer (--warmup, --samples); where transitions diverge: --target-accept 0.95",)


def check(tree: Any, problems: Sequence[str] = (), hints: tuple[str, ...] = HINTS) -> None:
    """Raises `HepResultError` (E910), with the data set as ``.result``, where chains have not mixed, effective draws
    are few, transitions diverge or numbers are not finite. ``problems``: what else there is to say against it."""
    problems = list(problems)
    for row in rows(tree):
        if not np.isfinite([row.mean, row.sd]).all():
            problems.append(f"draws of '{row.name}' are not finite")
        elif row.rhat > MAX_RHAT:
            problems.append(f"the chains disagree on '{row.name}': R-hat is {row.rhat:.3f}, above {MAX_RHAT}")
        elif row.ess < MIN_ESS:
            problems.append(f"'{row.name}' has only {row.ess:.0f} effective draws, fewer than {MIN_ESS}")
    total = tree["posterior"].sizes["chain"] * tree["posterior"].sizes["draw"]
    count = divergences(tree) or 0
    if count > MAX_DIVERGENT * total:
        problems.append(f"{count} of {total} transitions diverged")
    if problems:
        last = len(problems) - 1
        error = HepResultError(
            [Diagnostic("E910", text, hints=hints if i == last else ()) for i, text in enumerate(problems)]
        )
        error.result = tree
        raise error


def as_dict(tree: Any) -> dict[str, Any]:
    """The object that ``infer --json`` prints."""

    def plain(x: float) -> float | None:
        return x if np.isfinite(x) else None

    found = rows(tree)
    units = json.loads(tree.attrs["units"])
    posterior = {
        row.name: {
            "mean": plain(row.mean), "sd": plain(row.sd), "mcse": plain(row.mcse), "low": plain(float(row.low)),
            "high": plain(float(row.high)), "ess": plain(row.ess), "rhat": plain(row.rhat),
            "unit": units.get(row.name.partition("[")[0], ""),
        }
        for row in found
    }  # fmt: skip
    about = {"model": tree.attrs["model"], "method": tree.attrs["method"], "seed": int(tree.attrs["seed"])}
    sizes = tree["posterior"].sizes
    return {
        **about,
        "chains": int(sizes["chain"]),
        "draws": int(sizes["draw"]),
        "posterior": posterior,
        "divergences": divergences(tree),
        **{name: plain(float(tree.attrs[name])) for name in ("elbo", "gap", "khat") if name in tree.attrs},
        **{name: int(tree.attrs[name]) for name in ("simulations", "rounds") if name in tree.attrs},
        **({"calibration": json.loads(tree.attrs["calibration"])} if "calibration" in tree.attrs else {}),
    }


def save(tree: Any, path: str | os.PathLike[str]) -> None:
    """Write it as netCDF (``.nc``). Raises `HepFileError`: E511 other endings, E512 no h5netcdf, E513 not writable."""
    result_format(path, ".nc")
    with writing(path):
        tree.to_netcdf(path, engine="h5netcdf")
