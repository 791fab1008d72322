"""``nuts``: draws from the posterior by the no-U-turn sampler of NumPyro."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from hepppl.inference import likelihood, posterior
from hepppl.inference.options import fraction, whole

if TYPE_CHECKING:
    from hepppl.backends.numpyro.joint import Joint
    from hepppl.model import Model


def nuts(
    model: Model,
    data: Mapping[str, np.ndarray],
    seed: int,
    *,
    params: Mapping[str, Any],
    progress: Any = None,
    samples: int = 1000,
    warmup: int = 1000,
    chains: int = 4,
    target_accept: float = 0.8,
    dense: bool = False,
) -> Any:
    """``samples`` draws from each of ``chains`` chains after ``warmup`` steps of adaptation, run side by side.

    M. Hoffman and A. Gelman, "The No-U-Turn Sampler", JMLR 15 (2014) 1593. ``dense``: adapt a full mass matrix, for
    parameters that are strongly correlated. Raises `HepResultError` (E910) as `posterior.check` says.
    """
    samples, warmup, chains = whole("samples", samples), whole("warmup", warmup), whole("chains", chains)
    target_accept = fraction("target_accept", target_accept)
    likelihood.needs_prior(model, params)
    likelihood.libraries()
    npm = likelihood.numpyro_model(model, params)
    npm.survey(frozenset(data))
    from numpyro.infer import MCMC, NUTS

    from hepppl.backends.numpyro.joint import Joint

    joint = Joint(npm, data)
    with likelihood.double_precision():
        potential = jax.jit(lambda z: joint.unconstrained(z)[0])
        kernel = NUTS(potential_fn=potential, target_accept_prob=target_accept, dense_mass=dense)
        run = MCMC(
            kernel, num_warmup=warmup, num_samples=samples, num_chains=chains, chain_method="vectorized",
            progress_bar=False,
        )  # fmt: skip
        extra_fields = ("diverging", "num_steps", "accept_prob")
        key, jitter = jax.random.split(jax.random.key(seed))
        run.run(key, init_params=starts(joint, chains, jitter), extra_fields=extra_fields)
        z = run.get_samples(group_by_chain=True)
        draws = jax.jit(jax.vmap(jax.vmap(lambda z: joint.named(joint.unconstrained(z)[1]))))(z)
        extra = {k: np.asarray(v) for k, v in run.get_extra_fields(group_by_chain=True).items()}
    draws = {name: np.asarray(x) for name, x in draws.items()}
    stats = {"diverging": extra["diverging"], "n_steps": extra["num_steps"], "acceptance_rate": extra["accept_prob"]}
    tree = posterior.data_set(model, "nuts", seed, draws, data, stats)
    posterior.check(tree)
    return tree


def starts(joint: Joint, chains: int, key: Any) -> Any:
    """Where chains start: around the medians of the laws, (chains, size); one chain at a single point, (size,)."""
    x = jax.jit(joint.medians)()
    likelihood.possible(joint, x)

    @jax.jit
    def around(x: Any) -> Any:
        middle = joint.image(x)
        near = middle + jax.random.uniform(key, (chains, joint.size), middle.dtype, -0.5, 0.5)
        density = jax.vmap(lambda z: joint.unconstrained(z)[0])(near)
        return jnp.where(jnp.isfinite(density)[:, None], near, middle)

    found = around(x)
    return found if chains > 1 else found[0]
