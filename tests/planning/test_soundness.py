"""Where a derivative would be lost, the fewest sites are changed, nearest first; or the program is refused."""

from __future__ import annotations

import pytest

from hepppl.diagnostics.errors import HepPlanError
from hepppl.planning import choose

from .load import graph_of


def model(body: str, params: str = "param t: real = 0.5") -> str:
    lines = "\n".join(f"    {line}" for line in [params, *body.strip().splitlines()])
    return f"model m {{\n{lines}\n}}\n"


def chosen(body: str, **options) -> dict[str, str | None]:
    return {row.site: row.estimator for row in choose(graph_of(model(body)), **options).rows}


def codes(body: str, **options) -> list[str]:
    with pytest.raises(HepPlanError) as caught:
        choose(graph_of(model(body)), **options)
    return [d.code for d in caught.value.diagnostics]


@pytest.mark.parametrize(
    "use",
    [
        "return x > 1",
        "return if x > 1 then x else 0",
        "return sign(x)",
        "require x > 0\nreturn 1.0",
        "if x > 0 { y = 1 } else { y = 2 }\nreturn y",
        "b ~ bernoulli(if x > 0 then 0.3 else 0.4)\nreturn b",
        "return x < 1 and x > -1",
        "y = x^2 + 1\nreturn max(y, 2) > 3",
        "return [if x > 0.1 * i then 1 else 0 for i in 0..5]",
        "return searchsorted([0.0, 1.0], x)",
        "return x^2 + t * x > 0.3",
        "return hist([x, x^3], [0.0, 1.0, 2.0])",
        "return count([2, exp(x)] > 1)",
        "y = [x, 2 * x]\nreturn (if t > 0 then exp(x) else x) > 2",
    ],
)
def test_where_the_threshold_can_be_solved_for_the_value_is_cut(use: str) -> None:
    assert chosen(f"x ~ normal(t, 1)\n{use}")["x"] == "boundary"


@pytest.mark.parametrize(
    "use",
    [
        "return floor(x)",
        "return round(x)",
        "return x % 0.3",
        "i = 0\nwhile x > i limit 9 { i = i + 1 }\nreturn i",
        "return argmax([x, 0.0])",
        "return sin(x) > 0.3",
        "return x + exp(x) > 0.3",
        "return sum([x, x]) > 1",
        "k ~ poisson(2)\nreturn x > k",
        "return (a = x > 1, b = floor(x))",
    ],
)
def test_where_it_cannot_the_score_serves(use: str) -> None:
    assert chosen(f"x ~ normal(t, 1)\n{use}")["x"] == "score"


@pytest.mark.parametrize(
    ("body", "estimator"),
    [
        ("b ~ bernoulli(t)\nreturn t^2 + 3 * b", "stochastic_ad"),
        ("b ~ bernoulli(t)\nreturn if b then 0 else -t / 2", "blend"),
        ("b ~ bernoulli(t)\nx ~ normal(t, if b then 1 else 2)\nreturn x", "blend"),
        ("b ~ bernoulli(t)\nif b { y = t^2 } else { y = 1 }\nreturn y", "blend"),
        (
            "b ~ bernoulli(t)\nk ~ poisson(3)\nn = 0\nwhile n < k limit 9 { n = n + 1 }\nreturn if b then n else -t",
            "stochastic_ad",
        ),
        ("b ~ poisson(t)\nreturn (b - 4)^2", "blend"),
        ("b ~ categorical([0.3 * t, 1 - 0.3 * t])\nreturn (b - 4)^2", "blend"),
        ("b ~ binomial(5, t / 5)\nn = 0\nwhile n < b limit 9 { n = n + 1 }\nreturn n", "measure_valued"),
    ],
)
def test_what_serves_a_discrete_value(body: str, estimator: str) -> None:
    """A score beside the alternative where other derivatives differ with the value, and for counts; what a score needs
    is not to be had in all programs of random length."""
    assert chosen(body)["b"] == estimator


@pytest.mark.parametrize(
    "use",
    [
        "return x^2",
        "return max(x, 0)",
        "return abs(x) + min(x, 1)",
        "return sort([x, 0.3, 2 * x])",
        "return if t > 0 then x else -x",
        "n ~ poisson(3)\nreturn if n > 2 then x else 0",
        "weight exp(-x^2)\nreturn x",
        "y ~ normal(x, 1)\nreturn y",
        "b ~ bernoulli(sigmoid(x))\nreturn b",
        "dead = x > 0\nreturn x",
    ],
)
def test_a_smooth_use_is_reparameterised(use: str) -> None:
    assert chosen(f"x ~ normal(t, 1)\n{use}")["x"] == "reparam"


def test_a_comparison_of_other_values_does_not_matter() -> None:
    found = chosen("x ~ normal(t, 1)\ny ~ normal(0, 1)\nreturn if y > 0 then x else 0")
    assert found == {"x": "reparam", "y": None}


def test_the_site_nearest_the_comparison_changes() -> None:
    assert chosen("x ~ normal(t, 1)\ny ~ normal(x, 1)\nreturn y > 0") == {"x": "reparam", "y": "boundary"}


def test_no_more_sites_change_than_must() -> None:
    """With x drawn at fixed value, nothing that y's law holds moves any more."""
    body = "x ~ normal(t, 1)\ny ~ normal(x, 1)\nreturn (a = floor(x), b = floor(y))"
    assert chosen(body) == {"x": "score", "y": None}


def test_where_the_nearest_has_a_moving_support_the_one_above_changes() -> None:
    body = "x ~ normal(t, 1)\ny ~ uniform(x, x + 1)\nreturn y > 0"
    assert chosen(body) == {"x": "reparam", "y": "boundary"}
    rounded = body.replace("y > 0", "floor(y)")
    assert chosen(rounded) == {"x": "reparam", "y": "measure_valued"}
    assert chosen(rounded.replace("uniform(x, x + 1)", "log_uniform(exp(x), 9)")) == {"x": "score", "y": None}


def test_a_moving_support_compared_is_cut_or_refused() -> None:
    assert chosen("x ~ uniform(0, t)\nreturn x > 0.2") == {"x": "boundary"}
    assert chosen("x ~ pareto(t, 3)\nreturn x > 1") == {"x": "boundary"}
    assert chosen("x ~ uniform(0, t)\nreturn floor(5 * x)") == {"x": "measure_valued"}
    assert codes("x ~ pareto(t, 3)\nreturn floor(5 * x)") == ["E601"]


def test_a_value_that_is_cut_carries_a_derivative_to_its_other_comparisons() -> None:
    """So they are cut as well, or the program is refused."""
    assert chosen("x ~ normal(0, 1)\nreturn (a = x > t, b = x > 0)") == {"x": "boundary"}
    assert codes("x ~ normal(0, 1)\nreturn (a = x > t, b = floor(x))") == ["E601"]
    assert chosen("x ~ normal(0, 1)\ny ~ normal(x, 1)\nreturn (a = x > t, b = y > 0)") == {
        "x": "boundary",
        "y": "boundary",
    }


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("x ~ normal(0, 1)\nk ~ poisson(2)\nreturn x > t * k", "it depends on 'k' too, which is drawn after 'x'"),
        ("x ~ normal(0, 1)\nreturn sin(x) > t", "'sin' is not undone"),
        ("x ~ normal(0, 1)\nreturn x + exp(x) > t", "it enters more than once"),
        ("plate i in 0..3 { x ~ normal(0, 1) }\nreturn sum(x) > t", "values of a plate"),
        ("x ~ normal(0, 1)\nreturn floor(x * t)", "it jumps at more than one value"),
        ("x ~ normal(0, 1) by score\nreturn x > t", "decided by 'x', which another estimator serves"),
    ],
)
def test_a_refusal_says_why_the_value_is_not_cut(body: str, reason: str) -> None:
    with pytest.raises(HepPlanError) as caught:
        choose(graph_of(model(body)))
    (found,) = caught.value.diagnostics
    assert found.code == "E601"
    assert reason in found.hints[0]
    assert "'t'" in found.message


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("x ~ normal(t, 1) by boundary\nreturn x^2", "no comparison"),
        ("x ~ normal(t, 1) by boundary\nreturn floor(x)", "more than one value"),
        ("k ~ poisson(t) by boundary\nreturn k > 3", "discrete"),
    ],
)
def test_boundary_is_refused_where_it_is_not_sound(body: str, reason: str) -> None:
    with pytest.raises(HepPlanError) as caught:
        choose(graph_of(model(body)))
    (found,) = caught.value.diagnostics
    assert found.code == "E602"
    assert reason in found.message


def test_score_in_place_of_boundary() -> None:
    assert chosen("x ~ normal(t, 1) by score\nreturn x > 1") == {"x": "score"}
    graph = graph_of(model("x ~ normal(t, 1)\ny ~ normal(t, 1)\nreturn (a = x > 1, b = y > t)"))
    rows = choose(graph, by={"*": "score"}).rows
    assert {row.site: row.estimator for row in rows} == {"x": "score", "y": "boundary"}
    assert "score is not sound here" in rows[1].why


def test_a_moving_support_in_smooth_use_is_reparameterised() -> None:
    assert chosen("x ~ uniform(0, t)\nreturn x^2") == {"x": "reparam"}


def test_a_threshold_that_moves() -> None:
    assert chosen("x ~ normal(0, 1)\nreturn x > t") == {"x": "boundary"}
    assert chosen("x ~ normal(t, 1)\nreturn x > t") == {"x": "boundary"}
    assert codes("x ~ exponential(1)\nreturn floor(x * t)") == ["E601"]
    assert codes("x ~ exponential(1)\nreturn x % 0.3 > t") == ["E601"]
    assert chosen("x ~ exponential(1)\nreturn x > t % 1") == {"x": "boundary"}


def test_a_threshold_on_a_discrete_value_is_sound() -> None:
    """For almost every t the event does not change when t moves a little."""
    assert chosen("n ~ poisson(3)\nreturn n > t") == {"n": None}


def test_all_losses_are_reported_at_once() -> None:
    assert codes("x ~ normal(0, 1)\na = floor(x * t)\nb = round(x * t)\nreturn (a = a, b = b)") == ["E601", "E601"]


def test_a_threshold_that_is_not_asked_for_is_fine() -> None:
    graph = graph_of(model("x ~ normal(m, 1)\nreturn floor(x - t)", "param t: real = 0.5; param m: real = 0"))
    assert {row.site: row.estimator for row in choose(graph, wrt=["m"]).rows} == {"x": "score"}
    with pytest.raises(HepPlanError):
        choose(graph)


def test_derivatives_flow_through_loops() -> None:
    body = "x = t\nfor i in 0..3 {\n    s ~ normal(0, 1)\n    x = x + s\n}\nreturn x > 1"
    assert chosen(body) == {"s": "boundary"}
    assert codes(body.replace("x > 1", "floor(x)")) == ["E601"]
    smooth = body.replace("return x > 1", "return x")
    assert chosen(smooth) == {"s": None}
    walk = "x = 0.0\nfor i in 0..3 {\n    s ~ normal(x + t, 1)\n    x = s\n}\nreturn x > 1"
    assert chosen(walk) == {"s": "boundary"}


PROCESS = """
process decay(e: real, t: real) {{
    fraction ~ {law}
    if e < 0.1 {{
        emit e
    }} else {{
        spawn decay(e * fraction, t)
    }}
}}

model m {{
    param t: real = 0.5
    h ~ decay(1.0, t) limit 4
    return sum(h)
}}
"""


def test_derivatives_flow_through_processes() -> None:
    """The energy that decides whether a particle goes on is the product of what its ancestors drew."""
    rows = choose(graph_of(PROCESS.format(law="beta(2 + t, 1)"))).rows
    assert [(row.site, row.estimator) for row in rows] == [("decay.fraction", "boundary")]
    floor = PROCESS.replace("e < 0.1", "floor(10 * e) < 1")
    rows = choose(graph_of(floor.format(law="beta(2 + t, 1)"))).rows
    assert [(row.site, row.estimator) for row in rows] == [("decay.fraction", "score")]
    with pytest.raises(HepPlanError):
        choose(graph_of(floor.format(law="truncated(normal(0, 1), 0, t)")))


def test_what_a_reduction_compares() -> None:
    rows = choose(graph_of(PROCESS.format(law="beta(2 + t, 1)").replace("e < 0.1", "fraction < 0.5 and false"))).rows
    assert rows[0].estimator == "boundary"


HISTOGRAM = """
process source(t: real) {
    x ~ normal(t, 1)
    emit x
}
model m {
    param t: real = 0.5
    h ~ source(t) limit 2
    return RESULT
}
"""


@pytest.mark.parametrize(
    ("result", "estimator"),
    [
        ("sum(h)", "reparam"),
        ("max(h)", "reparam"),
        ("count(h > 1)", "boundary"),
        ("any(h > 1)", "boundary"),
        ("hist(h, [-1.0, 0.0, 1.0])", "boundary"),
        ("count(floor(h) > 1)", "score"),
        ("padded(h, 3)", "reparam"),
    ],
)
def test_reductions(result: str, estimator: str) -> None:
    rows = choose(graph_of(HISTOGRAM.replace("RESULT", result))).rows
    assert [row.estimator for row in rows] == [estimator]
