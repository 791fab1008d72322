"""Estimators of another package, right and wrong, and a way to install them for a test."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib.metadata import EntryPoint, EntryPoints
from typing import Any

import jax
import jax.numpy as jnp
import pytest

from hepppl.plugin import Estimator, EstimatorNumerics, Event, Offer, SiteInfo, Visit, VisitSite, registry


class Right(EstimatorNumerics):
    """The score function without a baseline."""

    def init(self) -> Any:
        return jnp.zeros(())

    def visit(self, state: Any, site: VisitSite) -> Visit:
        x = jax.lax.stop_gradient(site.sample())
        return Visit(x, state + site.log_prob(x))

    def contribution(self, state: Any, event: Event) -> Any:
        return jax.lax.stop_gradient(event.value) * state


class Doubling(Right):
    def contribution(self, state: Any, event: Event) -> Any:
        return 2 * super().contribution(state, event)


class Baseline(Right):
    """The baseline holds the event itself: biased by 1 / events only, and by the batch."""

    def contribution(self, state: Any, event: Event) -> Any:
        return jax.lax.stop_gradient(event.value - 0.5 * event.value) * state


class Drifting(Right):
    """Adds a derivative that does not depend on what was drawn."""

    def contribution(self, state: Any, event: Event) -> Any:
        return super().contribution(state, event) + 0.1 * state


class Bent(Right):
    """Another value than the law's."""

    def visit(self, state: Any, site: VisitSite) -> Visit:
        visit = super().visit(state, site)
        return visit if visit.value.dtype == bool else visit._replace(value=visit.value + 1)


class Raising(Right):
    def visit(self, state: Any, site: VisitSite) -> Visit:
        raise RuntimeError("out of paper")


class Shape(Right):
    def visit(self, state: Any, site: VisitSite) -> Visit:
        return super().visit(state, site)._replace(value=jnp.zeros(3))


class State(Right):
    def visit(self, state: Any, site: VisitSite) -> Visit:
        return super().visit(state, site)._replace(state=(state, state))


class Kind(Right):
    def visit(self, state: Any, site: VisitSite) -> Visit:
        return super().visit(state, site)._replace(value=0.5)


class Unsaid(Right):
    def visit(self, state: Any, site: VisitSite) -> Visit:
        return super().visit(state, site)._replace(offers=(Offer(site.sample(), 1.0, 1.0),))


class Tuple(Right):
    def visit(self, state: Any, site: VisitSite) -> Any:
        return site.sample(), state


class Share(Right):
    def contribution(self, state: Any, event: Event) -> Any:
        return jnp.zeros(7)


class Control(Right):
    def control(self, state: Any) -> Any:
        return jnp.zeros(7)


class RaisingControl(Right):
    def control(self, state: Any) -> Any:
        raise RuntimeError("out of control")


class VectorState(Right):
    def init(self) -> Any:
        return jnp.zeros(2)


class NotANumber(Right):
    def visit(self, state: Any, site: VisitSite) -> Visit:
        visit = super().visit(state, site)
        return visit._replace(state=visit.state + jnp.where(site.uniform < 0.1, jnp.nan, 0.0))


class Slope(Right):
    """The value is finite, its derivative is not."""

    def visit(self, state: Any, site: VisitSite) -> Visit:
        x = jax.lax.stop_gradient(site.sample())
        score = site.log_prob(x)
        return Visit(x, state + jnp.sqrt(jnp.abs(score - jax.lax.stop_gradient(score))))


class NeedsArgument(Right):
    def __init__(self, size: int) -> None:
        super().__init__(size=size)


@dataclass(frozen=True)
class Sound(Estimator):
    def refuses(self, site: SiteInfo) -> str | None:
        if not site.law_depends:
            return "its score is zero"
        return "the support moves" if site.moving_support else None


def estimator(name: str, numerics: str, **changes: Any) -> Estimator:
    made = Sound(
        name=name,
        summary="weighs the output by the score",
        unbiased=True,
        cost="no extra run",
        relative_cost=0.1,
        citation="a test",
        numerics=f"{__name__}:{numerics}",
    )
    return replace(made, **changes)


ESTIMATORS = {
    made.name: made
    for made in (
        estimator("right", "Right"),
        estimator("doubling", "Doubling"),
        estimator("declared", "Doubling", unbiased=False),
        estimator("baseline", "Baseline"),
        estimator("drifting", "Drifting"),
        estimator("bent", "Bent"),
        estimator("raising", "Raising"),
        estimator("shape", "Shape"),
        estimator("state", "State"),
        estimator("kind", "Kind"),
        estimator("unsaid", "Unsaid"),
        estimator("tuple", "Tuple"),
        estimator("share", "Share"),
        estimator("control", "Control"),
        estimator("raising_control", "RaisingControl"),
        estimator("vector_state", "VectorState"),
        estimator("nan", "NotANumber"),
        estimator("slope", "Slope"),
        estimator("needs_argument", "NeedsArgument"),
        estimator("untold", "Right", summary="", citation="", cost="", relative_cost=-1.0),
        estimator("missing", "ThereIsNoSuchClass"),
        Estimator(
            "rash", "the pathwise derivative", True, "none", 0.0, "a test", f"{__name__}:Pathwise", pathwise=True
        ),
        Estimator("rash_score", "the score", True, "none", 0.0, "a test", f"{__name__}:Right"),
    )
}


class Pathwise(EstimatorNumerics):
    def visit(self, state: Any, site: VisitSite) -> Visit:
        return Visit(site.sample(), state)


@dataclass(frozen=True)
class Package:
    name: str = "acme"
    version: str = "1.0"


@contextmanager
def installed(monkeypatch: pytest.MonkeyPatch, *names: str) -> Iterator[None]:
    """These estimators (all where none is named) as entry points of the package acme 1.0, beside what is installed."""
    points, real = [], registry.entry_points
    for name in names or ESTIMATORS:
        point = EntryPoint(name, f"{__name__}:{name}", "hepppl.estimators")
        vars(point)["dist"] = Package()
        points.append(point)
    with monkeypatch.context() as patch:
        found = EntryPoints([*(p for group in registry.GROUPS for p in real(group=group)), *points])
        patch.setattr(registry, "entry_points", lambda: found)
        registry.refresh()
        yield
    registry.refresh()


def __getattr__(name: str) -> Estimator:
    """What the entry points resolve to."""
    try:
        return ESTIMATORS[name]
    except KeyError:
        raise AttributeError(name) from None
