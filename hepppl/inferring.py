"""The methods of a `hepppl.Model` that say something of its parameters: inference, and what it is made of."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from hepppl import inputs

if TYPE_CHECKING:
    from hepppl.inference.design import Optimum
    from hepppl.inference.gold import Gold
    from hepppl.inference.morph import Morph
    from hepppl.model import Model

#: ``progress(done, total)``, called now and then while a run goes on.
Progress = Callable[[int, int], None]
#: Particle steps after which an event is stopped.
MAX_STEPS = 1_000_000


class Inferring:
    """What `hepppl.Model` inherits."""

    def gold(
        self,
        n: int,
        theta: Mapping[str, Any] | None = None,
        wrt: Sequence[str] | str | None = None,
        seed: int = 0,
        ratios_to: Sequence[Mapping[str, Any]] = (),
        data: Mapping[str, Any] | None = None,
        *,
        tolerance: float = 0.0,
        progress: Progress | None = None,
        precision: int = 32,
        rounds: int = 13,
        lanes: int | None = None,
        batch: int | None = None,
        max_steps: int = MAX_STEPS,
    ) -> Gold:
        """``n`` events with their joint scores with respect to ``wrt`` (default: every real parameter; ``()``: none)
        at ``theta``, and their joint log ratios log p(event | point) - log p(event | theta) to the points ``ratios_to``
        (parameters that a point does not name are those of ``theta``). See `hepppl.inference.gold.Gold`.

        The rest as in `simulate`. Raises `HepPlanError` (E621, E622) where a parameter acts otherwise than through the
        laws of what is drawn, so that there is no such density.
        """
        from hepppl.inference.gold import gold

        n, seed = inputs.check_run(n, seed, tolerance)
        engine = inputs.engine(precision, rounds, lanes, batch, max_steps)
        return gold(_model(self).with_data(data), n, theta or {}, wrt, seed, ratios_to, tolerance, progress, engine)

    def morph(
        self,
        n: int,
        to: Mapping[str, Any] | Sequence[Mapping[str, Any]],
        theta: Mapping[str, Any] | None = None,
        method: str = "auto",
        seed: int = 0,
        data: Mapping[str, Any] | None = None,
        *,
        order: int = 2,
        accuracy: float = 0.05,
        tolerance: float = 0.0,
        progress: Progress | None = None,
        precision: int = 32,
        rounds: int = 13,
        lanes: int | None = None,
        batch: int | None = None,
        max_steps: int = MAX_STEPS,
    ) -> Morph:
        """``n`` events at ``theta``, and the same events at one other point or several. ``method``: "move" along the
        events' derivatives, to first or second ``order``; "reweight"; or "auto", the first of the two that is sound.
        See `hepppl.inference.morph.Morph`.

        ``accuracy``: the part of an output's way to a point that a move may miss, measured on events simulated there.
        The rest as in `simulate`. Raises `HepPlanError` where the method is not sound (E621, E623, E601), and
        `HepResultError` (E922, E923; with the `Morph` as ``.result``) where it goes too far.
        """
        from hepppl.inference.morph import morph

        n, seed = inputs.check_run(n, seed, tolerance)
        engine = inputs.engine(precision, rounds, lanes, batch, max_steps)
        model = _model(self).with_data(data)
        return morph(model, n, to, theta or {}, method, order, seed, accuracy, tolerance, progress, engine)

    def infer(
        self,
        data: Mapping[str, Any],
        method: str = "nuts",
        seed: int = 0,
        *,
        params: Mapping[str, Any] | None = None,
        progress: Progress | None = None,
        **options: Any,
    ) -> Any:
        """What the data say about the parameters that have priors (``mle``: about all parameters).

        ``data``: values of the model's observables and of its ``data`` declarations, by name. ``method``: a name in
        `hepppl.inference.METHODS`; ``options`` are the method's. ``params``: parameters to fix. A sampling method gives
        an ArviZ data set, in base units, ``mle`` and ``map`` a `hepppl.inference.fit.Fit`. Raises `HepValueError` for
        data that do not fit, `HepUnsupportedError` (E71x) for programs without a likelihood that can be written down,
        and `HepResultError` (E91x) where the result is not to be trusted.
        """
        from hepppl import inference

        return inference.infer(_model(self), data, method, seed, params or {}, progress, options)

    def optimize(
        self,
        minimize: Callable[[Mapping[str, Any]], Any] | str,
        steps: int | None = None,
        params: Mapping[str, Any] | None = None,
        wrt: Sequence[str] | str | None = None,
        seed: int = 0,
        by: Mapping[str, Any] | None = None,
        data: Mapping[str, Any] | None = None,
        *,
        optimizer: Any = "adam",
        lr: float | None = None,
        events: int | None = None,
        max_events: int | None = None,
        target_error: float | str | Mapping[str, Any] | None = None,
        budget: int | None = None,
        evaluate: int = 10_000,
        checkpoint: str | os.PathLike[str] | None = None,
        resume: bool = False,
        tolerance: float = 0.0,
        progress: Progress | None = None,
        precision: int = 32,
        rounds: int = 13,
        lanes: int | None = None,
        batch: int | None = None,
        max_steps: int = MAX_STEPS,
    ) -> Optimum:
        """The parameters ``wrt`` (default: every real one) at which ``minimize`` is least, searched from ``params``.

        ``minimize``: a function of the expected outputs, ``lambda E: (E["depth"] - 120.0) ** 2`` (base units, by
        operations that JAX can differentiate), or a text, ``"(E[depth] - 12cm)^2"``. ``optimizer``: a name in
        `hepppl.inference.design.OPTIMIZERS` with the learning rate ``lr``, an optimiser of optax, or ``"nelder-mead"``,
        ``"cobyla"``, ``"powell"``, which use no gradients. ``steps`` (300) at most; the ``events`` of a step (256) grow
        up to ``max_events`` (default: 64 times as many) where the gradient is lost in its noise. ``budget``: events of
        all steps at most; the defaults share it over a hundred steps or more. ``target_error``: stop at this standard
        error, of all parameters or by name. ``evaluate``: events for the objective at the end. ``checkpoint``: a folder
        to keep the search in, and ``resume`` to take it up. The rest as in `grad`.

        See `hepppl.inference.design.Optimum`. Raises `HepValueError` (E490 to E492), `HepFileError` (E516), and
        `HepResultError` with the `Optimum` as ``.result`` where the search diverged (E940) or missed its target (E941).
        """
        from hepppl.inference import design

        _, seed = inputs.check_run(2, seed, tolerance)
        engine = inputs.engine(precision, rounds, lanes, batch, max_steps)
        request = design.Request(
            steps, events, seed, optimizer, lr, max_events, target_error, budget, evaluate, checkpoint, resume,
            tolerance,
        )  # fmt: skip
        model = _model(self).with_data(data)
        return design.optimize(model, minimize, params or {}, wrt, by, request, engine, progress)

    def to_numpyro(self, data: Mapping[str, Any] | None = None, *, params: Mapping[str, Any] | None = None) -> Any:
        """The program as a NumPyro model, for NumPyro's own tools (`hepppl.backends.numpyro.NumpyroModel`).

        ``data``: values of the ``data`` declarations; observables are given to the model when it is called:
        ``MCMC(NUTS(npm), …).run(key, {"n": 42})``. ``params`` are fixed, and those without a prior at their defaults.
        Raises `HepUnsupportedError` (E71x) for programs without a likelihood that can be written down.
        """
        from hepppl.inference import given, likelihood

        model = _model(self).with_data(data)
        return likelihood.numpyro_model(model, given.params(model, params or {}))

    def asimov(
        self, data: Mapping[str, Any] | None = None, *, params: Mapping[str, Any] | None = None, **values: Any
    ) -> dict[str, Any]:
        """The expected values of all observables of a counting or binned model, as `infer` takes them. Parameters as in
        `simulate`; latent draws at their medians. Raises `HepUnsupportedError` (E715) for other laws."""
        from hepppl.inference import expectation

        return expectation.asimov(_model(self).with_data(data), {**(params or {}), **values})


def _model(it: Inferring) -> Model:
    return cast("Model", it)
