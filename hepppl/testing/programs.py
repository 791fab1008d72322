"""Programs whose derivatives are known in closed form, at t = 0.3. Every output but those of `PRODUCT` hangs on one
site; a program's sites are tried one by one, and the estimator serves those that it does not refuse."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import exp, pi, sqrt

T = 0.3


@dataclass(frozen=True)
class Program:
    """``exact``: output -> (the site it hangs on, dE/dt); ``second``: output -> d²E/dt²."""

    name: str
    body: str
    exact: Mapping[str, tuple[str, float]]
    before: str = ""
    second: Mapping[str, float] = field(default_factory=dict)

    @property
    def text(self) -> str:
        params = f"    param t: real in (0, 1) = {T}\n    param idle: real = 2\n"
        return f"{self.before}model {self.name} {{\n{params}    rest ~ normal(idle, 1)\n{self.body}}}\n"


DISCRETE = Program(
    "discrete",
    """    b ~ bernoulli(t)
    c ~ categorical([t, 0.5 - t / 2, 0.5 - t / 2])
    s ~ categorical([t, 1 - 2 * t, t])
    k ~ poisson(4 * t)
    m ~ binomial(5, t)
    g ~ geometric(t)
    return (b = if b then 3 else 1, c = c^2, s = s - 1, k = k^2, m = m^2, g = g, rest = rest)
""",
    {
        "b": ("b", 2.0),
        "c": ("c", -2.5),
        "s": ("s", 0.0),
        "k": ("k", 4 * (1 + 8 * T)),
        "m": ("m", 5 + 40 * T),
        "g": ("g", -1 / T**2),
    },
    second={"b": 0.0, "c": 0.0, "s": 0.0, "k": 32.0, "m": 40.0, "g": 2 / T**3},
)
CONTINUOUS = Program(
    "continuous",
    """    x ~ normal(t, 1)
    y ~ normal(0, t)
    e ~ exponential(1 / t)
    a ~ gamma(1 + t, 2)
    l ~ log_normal(t, 0.5)
    return (x = x^2, y = y, yy = y^2, e = e^2, a = a, l = l, rest = rest)
""",
    {
        "x": ("x", 2 * T),
        "y": ("y", 0.0),
        "yy": ("y", 2 * T),
        "e": ("e", 4 * T),
        "a": ("a", 0.5),
        "l": ("l", exp(T + 0.125)),
    },
    second={"x": 2.0, "y": 0.0, "yy": 2.0, "e": 4.0, "a": 0.0, "l": exp(T + 0.125)},
)
#: Where an estimator that looks at smooth uses, or at the law's density, only is biased.
STEPS = Program(
    "steps",
    """    x ~ normal(t, 1)
    e ~ exponential(1 / t)
    return (x = if x > 1 then 2 else 0, e = if e > 0.5 then 1 else 0, rest = rest)
""",
    {
        "x": ("x", 2 * exp(-((1 - T) ** 2) / 2) / sqrt(2 * pi)),
        "e": ("e", 0.5 / T**2 * exp(-0.5 / T)),
    },
    second={
        "x": 2 * (1 - T) * exp(-((1 - T) ** 2) / 2) / sqrt(2 * pi),
        "e": (0.25 / T**4 - 1 / T**3) * exp(-0.5 / T),
    },
)
MOVING = Program(
    "moving", "    u ~ uniform(0, t)\n    return (u = u^2, rest = rest)\n", {"u": ("u", 2 * T / 3)}, second={"u": 2 / 3}
)
MOVING_STEP = Program(
    "moving_step",
    "    u ~ uniform(0, t)\n    return (u = if u > 0.1 then 1 else 0, rest = rest)\n",
    {"u": ("u", 0.1 / T**2)},
    second={"u": -0.2 / T**3},
)
WALK = Program(
    "walk",
    """    s = 0
    for i in 0..10 {
        b ~ bernoulli(t)
        s = s + (if b then 1 else -1)
    }
    return (s = s^2, rest = rest)
""",
    {"s": ("b", 40 * (1 - 2 * T) + 400 * (2 * T - 1))},
    second={"s": 720.0},
)
PATH = Program(
    "path",
    """    s = 0.0
    for i in 0..4 {
        x ~ normal(s + t, 1)
        s = x
    }
    return (s = s^2, rest = rest)
""",
    {"s": ("x", 32 * T)},
    second={"s": 32.0},
)
CHAIN = Program(
    "chain",
    "    h ~ p(t) limit 2\n    return (n = count(h), rest = rest)\n",
    {"n": ("p.b", -1 / T**2)},
    second={"n": 2 / T**3},
    before="process p(t: real) {\n    emit 1\n    b ~ bernoulli(t)\n    if not b {\n        spawn p(t)\n    }\n}\n",
)
FALL = Program(
    "fall",
    "    h ~ p(2, t) limit 2\n    return (e = sum(h.e), rest = rest)\n",
    {"e": ("p.z", 12 * T)},
    second={"e": 12.0},
    before="process p(n: int, t: real) {\n    z ~ exponential(1 / t)\n    emit (e = z^2)\n    if n > 0 {\n"
    "        spawn p(n - 1, t)\n    }\n}\n",
)
SINGLE = (DISCRETE, CONTINUOUS, STEPS, MOVING, MOVING_STEP, WALK, PATH, CHAIN, FALL)
#: One output of three sites, so that estimators meet.
PRODUCT = Program(
    "product",
    "    x ~ normal(t, 1)\n    k ~ poisson(4 * t)\n    b ~ bernoulli(t)\n"
    "    return (xkb = if b then x * k else 0, rest = rest)\n",
    {"xkb": ("", 12 * T**2)},
)
#: Sites that no event reaches, with arguments that are no numbers there.
DEAD = Program(
    "dead",
    """    never = max(rest - 1e6, 0)
    y = 1.0
    if rest > 1e6 {
        x ~ normal(t / never, t)
        k ~ poisson(t / never)
        b ~ bernoulli(t / never)
        y = if b then x else real(k)
    }
    return (y = y, rest = rest)
""",
    {"y": ("", 0.0)},
)
