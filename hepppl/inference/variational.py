"""``svi``: a normal approximation of the posterior, on the whole real line, by stochastic variational inference."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from hepppl.diagnostics import Diagnostic
from hepppl.diagnostics.errors import HepValueError
from hepppl.inference import likelihood, posterior
from hepppl.inference.options import positive, whole
from hepppl.inference.sampling import starts
from hepppl.io.write import library

if TYPE_CHECKING:
    from hepppl.model import Model

#: Guides by name: NumPyro's.
GUIDES = {"normal": "AutoNormal", "multivariate": "AutoMultivariateNormal", "low_rank": "AutoLowRankMultivariateNormal"}
#: Largest divergence KL(approximation | posterior), in nats, of an approximation that is trusted.
MAX_GAP = 0.1


def svi(
    model: Model,
    data: Mapping[str, np.ndarray],
    seed: int,
    *,
    params: Mapping[str, Any],
    progress: Any = None,
    samples: int = 4000,
    steps: int = 5000,
    lr: float = 0.01,
    guide: str = "multivariate",
) -> Any:
    """``samples`` independent draws from the approximation ("multivariate": with all correlations, "low_rank", or
    "normal": without), after ``steps`` of Adam with learning rate ``lr`` that falls to a hundredth of itself.

    Attributes of the result: ``elbo``, the bound on the log-evidence; ``gap``, how far below the evidence it lies, by
    importance sampling with the draws: the Kullback-Leibler divergence, and above 0.1 nats `HepResultError` (E910) is
    raised; ``khat``, the shape of the tail of the importance weights (Y. Yao et al., "Yes, but did it work?", ICML
    2018): above 0.7 the posterior's tails are heavier than the approximation's. None of them sees a mode that was
    missed.
    """
    samples, steps, lr = whole("samples", samples, 100), whole("steps", steps), positive("lr", lr)
    if guide not in GUIDES:
        raise HepValueError(Diagnostic("E457", f"guide must be {' or '.join(GUIDES)}, found {guide!r}"))
    likelihood.needs_prior(model, params)
    likelihood.libraries()
    optax = library("optax", "mcmc")
    npm = likelihood.numpyro_model(model, params)
    npm.survey(frozenset(data))
    import numpyro
    from numpyro import distributions as dist
    from numpyro.infer import SVI, Trace_ELBO, autoguide, init_to_value

    from hepppl.backends.numpyro.joint import Joint

    joint = Joint(npm, data)
    with likelihood.double_precision():
        potential = jax.jit(lambda z: joint.unconstrained(z)[0])

        def whole_line() -> None:
            z = numpyro.sample("z", dist.ImproperUniform(dist.constraints.real, (), (joint.size,)))
            numpyro.factor("density", -potential(z))

        key, first, second = jax.random.split(jax.random.key(seed), 3)
        start = starts(joint, 1, first)
        made = getattr(autoguide, GUIDES[guide])(whole_line, init_loc_fn=init_to_value(values={"z": start}))
        falling = optax.cosine_decay_schedule(lr, steps, alpha=0.01)
        fitting = SVI(whole_line, made, optax.adam(falling), Trace_ELBO(num_particles=4))
        found = fitting.run(key, steps, progress_bar=False)
        law = made.get_posterior(found.params) if guide != "normal" else _independent(made, found.params)
        z = law.sample(second, (samples,))

        @jax.jit
        def result(z: Any) -> tuple[Any, Any]:
            energy, x = jax.vmap(joint.unconstrained)(z)
            return -energy - law.log_prob(z), jax.vmap(joint.named)(x)

        weights, draws = result(z)
    weights = np.asarray(weights)
    _, khat = library("arviz_stats.base", "mcmc").array_stats.psislw(weights)
    elbo = float(weights.mean())
    gap = float(np.log(np.mean(np.exp(weights - weights.max()))) + weights.max() - elbo)
    about = {"elbo": elbo, "gap": gap, "khat": float(khat)}
    tree = posterior.data_set(model, "svi", seed, {k: np.asarray(v)[None] for k, v in draws.items()}, data, attrs=about)
    far = f"the approximation is {gap:.2g} nats away from the posterior, more than {MAX_GAP}"
    problems = [] if gap <= MAX_GAP else [far]
    posterior.check(tree, problems, ("try more --steps, another --guide, or --method nuts",))
    return tree


def _independent(guide: Any, params: Mapping[str, Any]) -> Any:
    from numpyro import distributions as dist

    loc, scale = (params[f"z_auto_{what}"] for what in ("loc", "scale"))
    return dist.Normal(loc, jnp.broadcast_to(scale, loc.shape)).to_event(1)
