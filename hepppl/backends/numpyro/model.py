"""`NumpyroModel`: a program as a function that NumPyro's own tools take."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp

from hepppl.backends.numpyro.density import Density
from hepppl.backends.numpyro.survey import MOST_TERMS, Survey
from hepppl.diagnostics import Diagnostic
from hepppl.diagnostics.errors import HepUnsupportedError, HepValueError
from hepppl.graph import ModelGraph, Node


class NumpyroModel:
    """A program as a NumPyro model: ``MCMC(NUTS(model), …).run(key, {"n": 42})``.

    The parameters that ``params`` does not give are its sites, and so are the program's draws and observables, by their
    names, in base units; a parameter without a prior is flat on its interval. Called with values of observables it is
    the posterior: the observables given are conditioned on, draws on which none of them depends are left out, discrete
    draws are summed over. Called without, it is the program with its priors, for `numpyro.infer.Predictive`.

    It computes in the precision that JAX is set to: likelihoods want 64 bits (``numpyro.enable_x64()``).
    Raises `HepUnsupportedError` (E711 to E714) where the program has no such density.
    """

    def __init__(self, graph: ModelGraph, params: Mapping[str, Any], data: Mapping[str, Any]):
        self.graph, self.params, self.data = graph, dict(params), dict(data)
        self._surveys: dict[frozenset[str] | None, Survey] = {}
        self.survey(None)

    def survey(self, given: frozenset[str] | None) -> Survey:
        """What becomes of each site when these observables are given."""
        if given not in self._surveys:
            survey = Survey(self.graph, given)
            survey.check()
            self._check_sums(survey)
            self._surveys[given] = survey
        return self._surveys[given]

    def _check_sums(self, survey: Survey) -> None:
        density = Density(self.graph, survey, 64, {})
        terms, found = 1, []
        for node in sorted(survey.summed, key=lambda n: n.attrs["number"]):
            values = density.values(node)
            if values is None:
                found.append(_endless(node))
            else:
                turns = [e.extent for e in self.graph.site(node.attrs["number"]).enclosing if e.kind == "for"]
                for count in (1, *turns):
                    terms = min(terms * len(values) ** count, MOST_TERMS + 1)
                if terms > MOST_TERMS:
                    found.append(_many(node))
        if found:
            raise HepUnsupportedError(found)

    def __call__(self, observed: Mapping[str, Any] | None = None) -> None:
        observed = dict(observed or {})
        self._check(observed)
        survey = self.survey(frozenset(observed) or None)
        precision = 64 if jnp.result_type(float) == jnp.float64 else 32
        Density(self.graph, survey, precision, observed).trace(self.params, self.data)

    def _check(self, observed: Mapping[str, Any]) -> None:
        shapes = {o.name: o.value.type.shape for o in self.graph.program.outputs if o.observed}
        for name, value in observed.items():
            if name not in shapes:
                hint = f"it observes: {', '.join(shapes) or 'nothing'}"
                raise HepValueError(Diagnostic("E461", f"the model has no observable '{name}'", hints=(hint,)))
            if jnp.shape(value) != shapes[name]:
                text = f"the observable '{name}' has shape {shapes[name]}, found {jnp.shape(value)}"
                raise HepValueError(Diagnostic("E463", text))


def _endless(node: Node) -> Diagnostic:
    law, name = node.attrs["dist"].name, node.attrs["name"]
    message = f"'{name}' cannot be summed over: its values are not finitely many, or not known before the run"
    hint = f"bound it by constants: `{name} ~ truncated({law}(…), 0, 50)`; or use a simulation-based method"
    return Diagnostic("E714", message, node.span, hints=(hint,))


def _many(node: Node) -> Diagnostic:
    message = f"summing over '{node.attrs['name']}' too takes more than {MOST_TERMS} terms"
    hint = "draws in a `plate` are summed over one by one, those of a `for` loop all together"
    return Diagnostic("E714", message, node.span, hints=(hint,))
