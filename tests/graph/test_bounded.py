"""Which values are finite wherever they are computed."""

from __future__ import annotations

from .load import graph_of

PROGRAM = """
process shower(e: real, t: real) {
    share ~ uniform(0, 1)
    if e < 0.1 {
        emit (kept = e * t, rate = 1 / e)
    } else {
        spawn shower(e * share, t)
    }
}
model m {
    param t: real = 0.5
    x ~ normal(t, 1)
    late ~ exponential(1)
    k ~ poisson(exp(t))
    square = x * x
    half = x / 2
    inverse = t / x
    worse = inverse * t
    root = sqrt(x) + 1
    walk = 0.0
    odd = 0.0
    for i in 0..3 {
        walk = walk * t + k
        odd = odd + walk * inverse
    }
    h ~ shower(1, t) limit 4
    kept = sum(h.kept)
    rate = sum(h.rate)
    least = min(h.kept)
    return (square = square, half = half, inverse = inverse, worse = worse, root = root, walk = walk, odd = odd,
            late = late, k = k, kept = kept, rate = rate, least = least)
}
"""


def test_divisions_roots_and_what_is_made_of_them_may_be_infinite() -> None:
    graph = graph_of(PROGRAM)
    finite = {output.name: graph.finite([output.value]) for output in graph.program.outputs}
    assert {name for name, yes in finite.items() if yes} == {"square", "half", "walk", "k", "kept"}
    assert not graph.finite([output.value for output in graph.program.outputs])
