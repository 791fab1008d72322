"""Prior draws by their addresses, and the coordinates in which priors are normal."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

import hepppl
from hepppl.backends.reference.threefry import event_key, threefry2x32, uniform
from hepppl.inference.sbi.priors import Prior
from tests.inference.sbi.programs import SHOWER

TEXT = """model m {
    param mu: length in (-2 mm, 20 mm) ~ normal(1 mm, 5 mm)
    param rate: real ~ uniform(0.5, 2)
    param v: real[3] ~ exponential(rate)
    param fixed: real = 3
    y ~ normal(mu, 1 mm)
    return y
}"""


@pytest.fixture(scope="module")
def prior() -> Prior:
    return Prior.of(hepppl.parse(TEXT))


def test_a_draw_is_a_pure_function_of_seed_and_number(prior: Prior) -> None:
    many = prior.draw(40, 7)
    np.testing.assert_array_equal(prior.draw(11, 7), many[:11])
    np.testing.assert_array_equal(prior.draw(5, 7, first=20), many[20:25])
    assert (prior.draw(40, 8) != many).all()


def test_the_address_is_the_priors_number_and_the_elements_place() -> None:
    """Inversion of the reference generator's words, at the addresses that the documentation gives."""
    model = hepppl.parse("model m { param v: real[2] ~ uniform(0, 1); x ~ normal(v[0], 1); return x }")
    number = model.program.params[0].prior.nodes[-1].attrs["number"]
    found = Prior.of(model).draw(3, 5)
    for event in range(3):
        key = event_key(5, event)
        for place in range(2):
            assert found[event, place] == pytest.approx(uniform(threefry2x32(*key, number, place)[0]), abs=1e-7)


def test_draws_follow_the_laws_given_their_supports(prior: Prior) -> None:
    """Kolmogorov–Smirnov at a false-alarm rate of 1e-4 each."""
    theta = prior.draw(4000, 0)
    low, high = (-2 - 1) / 5, (20 - 1) / 5
    assert stats.kstest(theta[:, 0], stats.truncnorm(low, high, loc=1, scale=5).cdf).pvalue > 1e-4
    assert stats.kstest(theta[:, 1], stats.uniform(0.5, 1.5).cdf).pvalue > 1e-4
    for i in range(2, 5):
        assert stats.kstest(theta[:, i] * theta[:, 1], stats.expon.cdf).pvalue > 1e-4


def test_the_density_is_that_of_the_laws(prior: Prior) -> None:
    theta = prior.draw(50, 1)
    low, high = (-2 - 1) / 5, (20 - 1) / 5
    exact = stats.truncnorm(low, high, loc=1, scale=5).logpdf(theta[:, 0]) - np.log(1.5)
    exact += stats.expon(scale=1 / theta[:, 1:2]).logpdf(theta[:, 2:]).sum(-1)
    np.testing.assert_allclose(prior.log_prob(theta), exact, rtol=1e-9)
    theta[0, 0] = -2.5
    assert prior.log_prob(theta)[0] == -np.inf


def test_the_coordinates_are_normal_and_invert(prior: Prior) -> None:
    theta = prior.draw(4000, 2)
    y = prior.to_normal(theta)
    np.testing.assert_allclose(prior.from_normal(y), theta, rtol=1e-7, atol=1e-9)
    for i in range(prior.dim):
        assert stats.kstest(y[:, i], stats.norm.cdf).pvalue > 1e-4
    assert np.abs(np.corrcoef(y.T) - np.eye(prior.dim)).max() < 4.5 / np.sqrt(4000)


def test_the_slope_of_the_coordinates() -> None:
    """log |dy/dθ| and the score in y, against differences."""
    prior = Prior.of(hepppl.parse("model m { param a ~ gamma(2, 3); param b ~ normal(0, 2); return a + b }"))
    theta = prior.draw(20, 3)
    step = 1e-5
    for i in range(2):
        up, down = (prior.to_normal(theta + sign * step * np.eye(2)[i]) for sign in (1, -1))
        slope = (up - down)[:, i] / (2 * step)
        np.testing.assert_allclose(prior.score_to_normal(theta, np.ones((20, 2)))[:, i], 1 / slope, rtol=1e-5)
    together = prior.score_to_normal(theta, np.ones((20, 2))).prod(-1)
    np.testing.assert_allclose(prior.log_slope(theta), -np.log(together), rtol=1e-6)


def test_labels_and_shapes(prior: Prior) -> None:
    assert prior.labels == ("mu", "rate", "v[0]", "v[1]", "v[2]")
    assert prior.unpack(prior.draw(4, 0))["v"].shape == (4, 3)
    assert not prior.independent
    assert not Prior.of(hepppl.parse(SHOWER)).independent
    np.testing.assert_allclose(prior.point({"mu": "3 mm"})[:2], [3, 1.25])


@pytest.mark.parametrize(
    ("text", "given", "code"),
    [
        ("model m { param a: real = 1; x ~ normal(a, 1); return x }", {}, "E480"),
        (TEXT, {"mu": 1.0}, "E480"),
        (TEXT, {"fixd": 1.0}, "E451"),
        ("model m { param a ~ normal(0, 1); param b: real; x ~ normal(a, b); return x }", {}, "E455"),
    ],
)
def test_what_cannot_be_a_prior(text: str, given: dict[str, float], code: str) -> None:
    with pytest.raises(hepppl.HepError) as caught:
        Prior.of(hepppl.parse(text), given)
    assert [d.code for d in caught.value.diagnostics] == [code]
