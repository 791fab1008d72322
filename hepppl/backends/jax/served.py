"""An estimator's numerics as the engine calls them: what goes wrong in a plugin is its own fault, and is said to be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp

from hepppl.backends.jax.value import Val, apply
from hepppl.diagnostics import Diagnostic
from hepppl.diagnostics.errors import HepError, HepPluginError
from hepppl.plugin.estimator import Estimator, EstimatorNumerics, Event, Visit, VisitSite
from hepppl.plugin.registry import find


class Served:
    """The moves of an `EstimatorNumerics`, contained: failures and wrong shapes are `HepPluginError`s (E805) that
    name the estimator and its package. ``own``: hepppl ships it."""

    def __init__(self, metadata: Estimator, options: dict[str, Any]) -> None:
        entry = find("hepppl.estimators", metadata.name)
        self.metadata, self.own = metadata, entry.own
        self.what = f"estimator '{metadata.name}' of package {entry}"
        target = metadata.load()
        self.numerics = self._call("its constructor", lambda: target(**options))

    def init(self) -> Any:
        state = self._call("init", self.numerics.init)
        for leaf in self._call("init", lambda: jax.tree.map(jnp.shape, jax.tree.leaves(state))):
            if leaf != ():
                raise self._wrong("init", f"gave an array of shape {leaf}; its state is made of scalars")
        return state

    def visit(self, state: Any, site: VisitSite) -> Visit:
        out = self._move(state, site)
        if not isinstance(out, Visit):
            raise self._wrong("visit", f"gave {type(out).__name__}, not a Visit")
        if jax.tree.structure(out.state) != jax.tree.structure(state):
            raise self._wrong("visit", "gave a state of another structure than it got")
        if out.offers and not self.metadata.offers:
            raise self._wrong("visit", "makes offers; its metadata do not say so")
        parts = [("value", out.value), *(("state", leaf) for leaf in jax.tree.leaves(out.state))]
        parts += [(f"offer's {name}", x) for offer in out.offers for name, x in zip(offer._fields, offer, strict=True)]
        for name, x in parts:
            shape = self._call("visit", lambda x=x: jnp.shape(x))
            wanted = self._weights(site) if name == "value" else ()
            if shape != wanted:
                what = f"weights {wanted}" if wanted else "a scalar"
                raise self._wrong("visit", f"gave a {name} of shape {shape}, not {what}")
        drawn = jnp.result_type(site.uniform if self.metadata.relaxes else site.sample())
        given = jnp.result_type(out.value)
        if not jnp.can_cast(given, drawn, "same_kind"):
            raise self._wrong("visit", f"gave a value of type {given} where the site draws {drawn}")
        return out

    def _move(self, state: Any, site: VisitSite) -> Visit:
        return self._call("visit", lambda: self.numerics.visit(state, site))

    def _weights(self, site: VisitSite) -> tuple[int, ...]:
        """The shape of a value: of a relaxed categorical one, that of its probabilities."""
        categorical = self.metadata.relaxes and site.sample().dtype != bool
        return tuple(jnp.shape(site.params[0])[-1:]) if categorical else ()

    def contribution(self, state: Any, event: Event) -> Any:
        share = self._call("contribution", lambda: jnp.asarray(self.numerics.contribution(state, event)))
        if share.shape not in ((), event.value.shape):
            found = f"gave an array of shape {share.shape}, not {event.value.shape}: one number for each event"
            raise self._wrong("contribution", found)
        return share

    @property
    def eta(self) -> float | None:
        """The multiple of the difference that relaxed programs make; None where it is fitted."""
        found = self.numerics.options.get("eta")
        return None if found is None else float(found)

    @property
    def doubles(self) -> bool:
        """It gives a second estimate."""
        return type(self.numerics).second is not EstimatorNumerics.second

    def second(self, state: Any, event: Event) -> Any:
        share = self._call("second", lambda: jnp.asarray(self.numerics.second(state, event)))
        if share.shape != event.value.shape:
            raise self._wrong("second", f"gave an array of shape {share.shape}, not {event.value.shape}")
        return share

    def controls(self, state: Any) -> tuple[Any, ...]:
        found = self._call("control", lambda: self.numerics.control(state))
        every = () if found is None else found if isinstance(found, tuple) else (found,)
        events = {jnp.shape(leaf) for leaf in jax.tree.leaves(state)}
        for control in every:
            if {jnp.shape(control)} != events:
                raise self._wrong("control", f"gave an array of shape {jnp.shape(control)}: one number for each event")
        return every

    def density(self, state: Any) -> Any:
        found = self._call("density", lambda: self.numerics.density(state))
        events = {jnp.shape(leaf) for leaf in jax.tree.leaves(state)}
        if found is not None and {jnp.shape(found)} != events:
            raise self._wrong("density", f"gave an array of shape {jnp.shape(found)}: one number for each event")
        return found

    def _call(self, move: str, fn: Callable[[], Any]) -> Any:
        try:
            return fn()
        except HepError:
            raise
        except Exception as error:  # a plugin may fail in any way
            raise self._wrong(move, f"failed: {type(error).__name__}: {error}") from error

    def _wrong(self, move: str, found: str) -> HepPluginError:
        return HepPluginError(Diagnostic("E805", f"{self.what}, {move}: {found}"))


class Shadow(Served):
    """An estimator that serves the relaxed program beside the event: at fixed noise, or given the values drawn."""

    def __init__(self, served: Served, given: bool) -> None:
        self.__dict__.update(served.__dict__)
        self.metadata = replace(served.metadata, relaxes=True, shadows=False)
        self.given = given

    def _move(self, state: Any, site: VisitSite) -> Visit:
        return Visit(self._call("shadow", lambda: self.numerics.shadow(site, self.given)), state)


def not_finite(vals: list[Val]) -> Val:
    """Where one of these numbers, or its derivative, is NaN or infinite."""

    def bad(*xs: Any) -> Any:
        found = jnp.zeros((), bool)
        for x in xs:
            found |= ~jnp.isfinite(x)
        return found

    parts = [v for v in vals if jnp.issubdtype(jnp.result_type(v.p), jnp.floating)]
    slopes = [Val(v.t[i], None, None, v.batched) for v in parts if v.t is not None for i in range(v.t.shape[0])]
    plain = [Val(v.p, None, None, v.batched) for v in parts] + slopes
    return apply(bad, plain, elementwise=True) if plain else Val(jnp.zeros((), bool), batched=False)
