"""Programs as NumPyro models: their joint log-density against SciPy and against sums written out."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import jax
import numpy as np
import pytest
from scipy import stats

import hepppl

Density = Callable[..., float]


def test_priors_arrays_plates_and_loops(log_density: Density) -> None:
    text = """model m {
        param mu in [0, 10] ~ uniform(0, 10) = 1
        param w: real[3] ~ normal(mu, 1)
        param scale: real = 2
        data s: real[3]
        plate i in 0..3 {
            y ~ exponential(scale)
            observe k[i] ~ poisson(mu * s[i] + w[i] + y^2)
        }
        for j in 0..2 { observe q[j] ~ normal(mu + j, 1) }
        observe last ~ student_t(3, mu, scale)
    }"""
    mu, w, y = 1.5, np.array([1.0, 2.0, 0.5]), np.array([0.3, 2.0, 0.7])
    k, q = np.array([3, 4, 5]), np.array([1.0, 2.5])
    s = np.array([1.0, 2.0, 3.0])
    exact = (
        stats.uniform(0, 10).logpdf(mu)
        + stats.norm(mu, 1).logpdf(w).sum()
        + stats.expon(scale=1 / 4).logpdf(y).sum()
        + stats.poisson(mu * s + w + y**2).logpmf(k).sum()
        + stats.norm(mu + np.arange(2), 1).logpdf(q).sum()
        + stats.t(3, mu, 4).logpdf(0.2)
    )
    observed, values = {"k": k, "q": q, "last": 0.2}, {"mu": mu, "w": w, "y": y}
    found = log_density(text, observed, values, data={"s": s}, params={"scale": 4})
    assert found == pytest.approx(exact, abs=1e-9)


def test_a_prior_is_restricted_to_the_interval_of_its_parameter(log_density: Density) -> None:
    text = "model m {\n    param a in (0, 2) ~ normal(1, 3)\n    observe x ~ normal(a, 1)\n}"
    law = stats.truncnorm(-1 / 3, 1 / 3, 1, 3)
    exact = law.logpdf(1.7) + stats.norm(1.7, 1).logpdf(0.5)
    assert log_density(text, {"x": 0.5}, {"a": 1.7}) == pytest.approx(exact, abs=1e-9)


def test_nested_plates_keep_their_order(log_density: Density) -> None:
    text = """model m {
        param a ~ normal(0, 1)
        plate i in 0..2 {
            u ~ normal(a, i + 1)
            plate j in 0..3 { observe x[i, j] ~ normal(u + 10 * j, i + j + 1) }
        }
        return sum(u)
    }"""
    u, x = np.array([0.3, -0.4]), np.arange(6.0).reshape(2, 3)
    i, j = np.arange(2)[:, None], np.arange(3)[None]
    exact = stats.norm(0, 1).logpdf(0.2) + stats.norm(0.2, [1, 2]).logpdf(u).sum()
    exact += stats.norm(u[:, None] + 10 * j, i + j + 1).logpdf(x).sum()
    assert log_density(text, {"x": x}, {"a": 0.2, "u": u}) == pytest.approx(exact, abs=1e-9)


def test_only_the_side_of_a_branch_that_is_taken_counts(log_density: Density) -> None:
    text = """model m {
        param a ~ normal(0, 1)
        x = 0.0
        if a > 0 {
            s ~ uniform(2, 2 + sqrt(a))
            x = s
        }
        observe n ~ normal(x, 1)
    }"""
    both = stats.norm(0, 1).logpdf(0.7)
    taken = -0.5 * np.log(0.7) + stats.norm(2.5, 1).logpdf(0.1)
    assert log_density(text, {"n": 0.1}, {"a": 0.7, "s": 2.5}) == pytest.approx(both + taken, abs=1e-9)
    left = stats.norm(0, 1).logpdf(0.1)  # there s follows a harmless law, uniform(0, 1)
    assert log_density(text, {"n": 0.1}, {"a": -0.7, "s": 0.3}) == pytest.approx(both + left, abs=1e-9)


def test_discrete_draws_in_a_plate_are_summed_over_one_by_one(log_density: Density) -> None:
    text = """model m {
        param f in (0, 1) ~ uniform(0, 1)
        param mu ~ normal(0, 1)
        plate i in 0..4 {
            z ~ bernoulli(f)
            c ~ categorical([0.2, 0.3, 0.5])
            u ~ normal(if z then 3 else mu, 1 + c)
            observe x[i] ~ normal(u + c, 1)
            observe y[i] ~ normal(mu, 1)
        }
    }"""
    f, mu = 0.3, 0.4
    u, x, y = (np.array(v) for v in ([0.1, 2.0, -1.0, 3.0], [0.5, 2.5, 0.1, 5.0], [0.0, 1.0, -1.0, 0.5]))
    total = np.zeros(4)
    for z, c in product((0, 1), range(3)):
        weight = (f if z else 1 - f) * (0.2, 0.3, 0.5)[c]
        total += weight * stats.norm(3 if z else mu, 1 + c).pdf(u) * stats.norm(u + c, 1).pdf(x)
    exact = stats.norm(0, 1).logpdf(mu) + np.log(total).sum() + stats.norm(mu, 1).logpdf(y).sum()
    assert log_density(text, {"x": x, "y": y}, {"f": f, "mu": mu, "u": u}) == pytest.approx(exact, abs=1e-9)


def test_discrete_draws_of_the_model_and_of_loops_are_summed_over_together(log_density: Density) -> None:
    text = """model m {
        param p in (0, 1) ~ uniform(0, 1)
        k ~ truncated(poisson(3), 1, 6)
        up = 0
        for j in 0..3 {
            step ~ bernoulli(p)
            if step { up = up + 1 }
            observe q[j] ~ normal(up, 1)
        }
        plate i in 0..2 {
            z ~ bernoulli(p)
            observe x[i] ~ normal(k + (if z then 1 else 0), 1)
        }
    }"""
    p, q, x = 0.3, np.array([0.2, 1.1, 0.9]), np.array([3.1, 4.2])
    walks = 0.0
    for steps in product((0, 1), repeat=3):
        law = np.prod([p if s else 1 - p for s in steps])
        walks += law * np.prod(stats.norm(np.cumsum(steps), 1).pdf(q))
    masses = stats.poisson(3).pmf(np.arange(1, 7))
    total = 0.0
    for k, mass in zip(range(1, 7), masses / masses.sum(), strict=True):
        total += mass * np.prod(p * stats.norm(k + 1, 1).pdf(x) + (1 - p) * stats.norm(k, 1).pdf(x))
    exact = np.log(walks) + np.log(total)
    assert log_density(text, {"q": q, "x": x}, {"p": p}) == pytest.approx(exact, abs=1e-9)


def test_a_discrete_draw_on_one_side_of_a_branch(log_density: Density) -> None:
    text = """model m {
        param p in (0, 1) ~ uniform(0, 1)
        plate i in 0..2 {
            a ~ bernoulli(p)
            v = 0.0
            if a {
                b ~ categorical([0.1, 0.2, 0.7])
                v = 2.0 * b
            }
            observe x[i] ~ normal(v, 1)
        }
    }"""
    p, x = 0.3, np.array([0.2, 3.1])
    taken = sum(w * stats.norm(2 * b, 1).pdf(x) for b, w in enumerate((0.1, 0.2, 0.7)))
    exact = np.log(p * taken + (1 - p) * stats.norm(0, 1).pdf(x)).sum()
    assert log_density(text, {"x": x}, {"p": p}) == pytest.approx(exact, abs=1e-9)


def test_what_the_data_do_not_depend_on_is_left_out(log_density: Density) -> None:
    text = """model m {
        param mu ~ normal(0, 1)
        observe n ~ poisson(exp(mu))
        smeared ~ normal(n, 1)
        observe other ~ poisson(n + 1)
        return smeared
    }"""
    exact = stats.norm(0, 1).logpdf(0.2) + stats.poisson(np.exp(0.2)).logpmf(3)
    assert log_density(text, {"n": 3}, {"mu": 0.2}) == pytest.approx(exact, abs=1e-9)


def test_weights_and_conditions_of_parameters_are_factors(log_density: Density) -> None:
    text = """model m {
        param a ~ normal(0, 1)
        weight exp(-2 * a)
        require a < 1
        observe x ~ normal(a, 1)
    }"""
    exact = stats.norm(0, 1).logpdf(0.5) - 1.0 + stats.norm(0.5, 1).logpdf(0.1)
    assert log_density(text, {"x": 0.1}, {"a": 0.5}) == pytest.approx(exact, abs=1e-9)
    assert log_density(text, {"x": 0.1}, {"a": 1.5}) == -np.inf


def test_factors_in_plates_count_once_for_each_repetition(log_density: Density) -> None:
    text = """model m {
        param a ~ normal(0, 1)
        k ~ bernoulli(0.3)
        plate i in 0..3 { weight exp(a * i); weight 2 }
        observe x ~ normal(k, 1)
    }"""
    exact = stats.norm(0, 1).logpdf(0.5) + 0.5 * 3 + 3 * np.log(2)
    exact += np.log(0.3 * stats.norm(1, 1).pdf(0.1) + 0.7 * stats.norm(0, 1).pdf(0.1))
    assert log_density(text, {"x": 0.1}, {"a": 0.5}) == pytest.approx(exact, abs=1e-9)


def test_loops_without_draws_and_solutions_run_as_they_do_in_simulations(log_density: Density) -> None:
    text = """model m {
        param a in (1, 4) ~ uniform(1, 4)
        plate i in 0..3 {
            s = 0.0
            for j in 0..4 { s = s + a^j * (i + 1) }
            observe x[i] ~ normal(s, 10)
        }
        r = root(u -> u^2 - a, 0, 3)
        observe y ~ normal(r, 1)
    }"""
    s = (1 + 2.5 + 2.5**2 + 2.5**3) * np.arange(1, 4)
    x = np.array([20.0, 50.0, 90.0])
    exact = -np.log(3) + stats.norm(s, 10).logpdf(x).sum() + stats.norm(np.sqrt(2.5), 1).logpdf(1.0)
    assert log_density(text, {"x": x, "y": 1.0}, {"a": 2.5}) == pytest.approx(exact, abs=1e-8)


def test_an_index_out_of_range_has_no_likelihood(log_density: Density) -> None:
    text = """model m {
        param a in (0, 5) ~ uniform(0, 5)
        const means = [1, 2, 3]
        i = int(floor(a))
        observe x ~ normal(means[i], 1)
    }"""
    assert np.isfinite(log_density(text, {"x": 0.1}, {"a": 2.5}))
    assert log_density(text, {"x": 0.1}, {"a": 3.5}) == -np.inf


def test_without_data_it_is_the_program_with_its_priors(double: None) -> None:
    """Predictive draws: means and variances by hand; |z| < 4.5 in each of four comparisons: 3e-5."""
    from numpyro.infer import Predictive

    text = """model m {
        param mu ~ normal(3, 1)
        plate i in 0..2 {
            z ~ bernoulli(0.25)
            observe x[i] ~ normal(if z then mu + 4 else mu, 1)
        }
    }"""
    n = 4000
    npm = hepppl.parse(text).to_numpyro()
    draws = Predictive(npm, num_samples=n)(jax.random.key(0))
    x = np.asarray(draws["x"])
    assert x.shape == (n, 2)
    variance = 1 + 1 + 16 * 0.25 * 0.75
    assert np.all(np.abs(x.mean(0) - 4) / np.sqrt(variance / n) < 4.5)
    fixed = Predictive(npm, {"mu": np.full(n, 10.0)})(jax.random.key(1))
    assert np.all(np.abs(np.asarray(fixed["x"]).mean(0) - 11) / np.sqrt((variance - 1) / n) < 4.5)


def test_data_of_another_shape_or_name_are_refused(double: None) -> None:
    npm = hepppl.parse("model m {\n    param a ~ normal(0, 1)\n    observe x ~ normal(a, 1)\n}").to_numpyro()
    for wrong, code in (({"x": np.zeros(2)}, "E463"), ({"y": 1.0}, "E461")):
        with pytest.raises(hepppl.HepValueError) as caught:
            npm(wrong)
        assert [d.code for d in caught.value.diagnostics] == [code]


def test_what_is_observed_in_every_turn_is_an_array(log_density: Density) -> None:
    text = """model m {
        param a ~ normal(0, 1)
        for i in 0..2 {
            plate j in 0..3 { observe x[i, j] ~ normal(a + i, 1 + j) }
        }
    }"""
    x = np.arange(6.0).reshape(2, 3)
    exact = stats.norm(0, 1).logpdf(0.2) + stats.norm(0.2 + np.arange(2)[:, None], 1 + np.arange(3)).logpdf(x).sum()
    assert log_density(text, {"x": x}, {"a": 0.2}) == pytest.approx(exact, abs=1e-9)


def test_turns_that_only_observe_are_one_site(double: None) -> None:
    text = """model m {
        param a ~ normal(0, 1)
        z ~ bernoulli(0.3)
        for i in 0..2 {
            for j in 0..3 {
                if i > 0 { require(a < 9) }
                observe x[i, j] ~ normal(a + i, 1 + j)
            }
            observe y[i] ~ normal(if z then a else -a, 1 + i)
        }
        s = 0.0
        for i in 0..2 {
            s = s + a
            observe last[i] ~ normal(s, 1)
        }
    }"""
    from numpyro import handlers

    x, y, last, a = np.arange(6.0).reshape(2, 3), np.array([0.5, -1.0]), np.array([0.1, 0.9]), 0.2
    observed = {"x": x, "y": y, "last": last}
    model = handlers.substitute(hepppl.parse(text).to_numpyro(), data={"a": a})

    @jax.jit
    def densities() -> dict[str, jax.Array]:
        sites = handlers.trace(model).get_trace(observed).values()
        return {site["name"]: site["fn"].log_prob(site["value"]) for site in sites if site["type"] == "sample"}

    terms = densities()
    assert terms["x"].shape == (2, 3)
    assert {"last[0]", "last[1]"} < set(terms)  # what is carried from turn to turn is written out
    i = np.arange(2)[:, None]
    exact = stats.norm(0, 1).logpdf(a) + stats.norm(a + i, np.arange(1, 4)).logpdf(x).sum()
    exact += stats.norm(a * np.array([1, 2]), 1).logpdf(last).sum()
    either = [np.log(p) + stats.norm(sign * a, [1, 2]).logpdf(y).sum() for sign, p in ((1, 0.3), (-1, 0.7))]
    exact += np.logaddexp(*either)
    assert sum(float(term.sum()) for term in terms.values()) == pytest.approx(exact, abs=1e-9)
