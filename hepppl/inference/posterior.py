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
from hepppl.diagnostics.errors import HepFileError, HepResultError, HepValueError
from hepppl.io.write import library, result_format, writing

if TYPE_CHECKING:
    from hepppl.model import Model

EXTRA = "mcmc"
#: Bounds of a posterior that is trusted: A. Vehtari et al., "Rank-normalization, folding, and localization", Bayesian
#: Analysis 16 (2021) 667, recommends R-hat below 1.01 and 400 effective draws; a divergence now and then is allowed.
MAX_RHAT, MIN_ESS, MAX_DIVERGENT = 1.01, 400, 0.005
#: The central intervals of the summary.
QUANTILES = (0.16, 0.84)
#: Draws of either posterior that a classifier is shown.
COMPARED = 2000


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
        **({"c2st": float(tree.attrs["c2st"]), "compared": tree.attrs["compared"]} if "c2st" in tree.attrs else {}),
        **{name: int(tree.attrs[name]) for name in ("simulations", "rounds") if name in tree.attrs},
        **({"calibration": json.loads(tree.attrs["calibration"])} if "calibration" in tree.attrs else {}),
    }


def load(path: str | os.PathLike[str]) -> Any:
    """What `save` has written. Raises `HepFileError` (E501, E514)."""
    xarray = library("xarray", EXTRA)
    library("h5netcdf", EXTRA)
    try:
        tree = xarray.open_datatree(path, engine="h5netcdf")
        if "posterior" in tree.children:
            return tree.load()
    except FileNotFoundError:
        raise HepFileError(Diagnostic("E501", f"there is no file {os.fspath(path)}")) from None
    except (OSError, ValueError):
        pass
    raise HepFileError(Diagnostic("E514", f"'{os.fspath(path)}' holds no posterior"))


def compare(tree: Any, other: Any, name: str = "another") -> float:
    """C2ST (`hepppl.inference.sbi.c2st`) of the draws of two data sets, kept as an attribute of the first (extra
    ``sbi``): 0.5 where they are alike, 1 where they are apart. Raises `HepValueError` (E486) where they are not of the
    same numbers."""
    from hepppl.inference.sbi.c2st import c2st

    (ours, first), (theirs, second) = flat(tree), flat(other)
    if set(ours) != set(theirs):
        message = f"the posteriors are of different numbers: {', '.join(ours)}; {', '.join(theirs)}"
        raise HepValueError(Diagnostic("E486", message))
    second = second[:, [theirs.index(label) for label in ours]]
    rng = np.random.default_rng(0)
    second, first = (x[rng.permutation(len(x))[:COMPARED]] for x in (second, first))
    found = c2st(second, first)
    tree.attrs.update(c2st=str(found), compared=name)
    return found


def flat(tree: Any) -> tuple[list[str], np.ndarray]:
    """The numbers of a posterior: their names, and all draws of them (n, numbers)."""
    names, columns = [], []
    for name, values in tree["posterior"].data_vars.items():
        for at in np.ndindex(*values.shape[2:]):
            names.append(f"{name}[{', '.join(map(str, at))}]" if at else str(name))
            columns.append(np.asarray(values)[(slice(None), slice(None), *at)].ravel())
    return names, np.stack(columns, -1)


def plot(tree: Any, path: str | os.PathLike[str]) -> None:
    """A corner plot (extra ``plot``): ``.png``, ``.pdf`` or ``.svg``."""
    from hepppl.plotting.posterior import corner

    names, draws = flat(tree)
    units = json.loads(tree.attrs["units"])
    shown = [units.get(name.partition("[")[0], "") for name in names]
    corner(path, names, draws, shown, f"{tree.attrs['model']}: {tree.attrs['method']}")


def plot_calibration(tree: Any, path: str | os.PathLike[str]) -> None:
    """Coverage, TARP and ranks on held-out pseudo-experiments, of methods that learn from simulations (extra
    ``plot``). Raises `HepValueError` (E486) where there are none."""
    from hepppl.plotting.calibration import draw

    if "calibration" not in tree.children:
        message = f"the method '{tree.attrs['method']}' was not calibrated here"
        raise HepValueError(Diagnostic("E486", message, hints=("npe, nle, nre and the like are, unless told not to",)))
    found = tree["calibration"]
    names = [str(name) for name in np.asarray(found["parameter"])]
    about = f"{tree.attrs['model']}: {tree.attrs['method']}, {found.sizes['experiment']} pseudo-experiments"
    ranks, regions, tarp = (np.asarray(found[name]) for name in ("ranks", "regions", "tarp"))
    draw(path, ranks, regions, tarp, names, about)


def save(tree: Any, path: str | os.PathLike[str]) -> None:
    """Write it as netCDF (``.nc``). Raises `HepFileError`: E511 other endings, E512 no h5netcdf, E513 not writable."""
    result_format(path, ".nc")
    with writing(path):
        tree.to_netcdf(path, engine="h5netcdf")
