"""Simulation-based inference: posteriors learned from simulations of a program, for any data (extra ``sbi``)."""

from __future__ import annotations

from hepppl.io.write import library

library("equinox", "sbi")
library("optax", "sbi")

from hepppl.inference.sbi.c2st import c2st as c2st  # noqa: E402
from hepppl.inference.sbi.methods import METHODS as METHODS  # noqa: E402
from hepppl.inference.sbi.methods import train as train  # noqa: E402
from hepppl.inference.sbi.networks import Shape as Shape  # noqa: E402
from hepppl.inference.sbi.posterior import Posterior as Posterior  # noqa: E402
from hepppl.inference.sbi.saved import load as load  # noqa: E402
from hepppl.inference.sbi.saved import save as save  # noqa: E402
from hepppl.inference.sbi.training import Schedule as Schedule  # noqa: E402
