"""An independent oracle of joint densities: the NumPy interpreter runs an event again with every value it drew.

At other parameters the same values have other probabilities; their logarithms, summed in 64 bits from SciPy's laws,
give joint ratios exactly and joint scores by central differences.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from hepppl.backends.reference import laws
from hepppl.backends.reference.interpreter import Env, Event, tensor
from hepppl.backends.reference.operations import Numbers
from hepppl.backends.reference.run import _bind, trace
from hepppl.backends.reference.threefry import event_key
from hepppl.graph import Node, Region


class Replayed(Event):
    """An event whose sites give the values in ``drawn``, by address; ``log_prob`` adds up what they are worth."""

    drawn: dict[Any, Any]
    log_prob = 0.0

    def site(self, node: Node, env: Env) -> list[Any]:
        value = self.drawn[node.attrs["number"], self.scope.key, self.scope.counter]
        law = laws.build(node.attrs["dist"], [env[v] for v in node.inputs])
        self.log_prob += float(law.log_prob(float(value)))
        return [self.numbers.of(tensor(node.results[0]).kind, value)]

    def region(self, region: Region, args: Any, env: Env) -> list[Any]:
        """The interpreter's table of statements would call its own `site`."""
        env.update(zip(region.params, args, strict=True))
        for node in region.nodes:
            if node.op == "site":
                env.update(zip(node.results, self.site(node, env), strict=True))
            else:
                super().region(Region((), (node,), ()), (), env)
        return [env[value] for value in region.results]


class Replay:
    """Event ``number`` of a seed, drawn at ``params``."""

    def __init__(self, program: Any, number: int, seed: int, params: dict[str, Any]):
        self.program, self.key, self.params = program, event_key(seed, number, 13), params
        draws = trace(program, number, seed, params)
        self.drawn = {(d.number, d.key, d.counter): d.value for d in draws}

    def log_prob(self, **params: Any) -> float:
        """Of all that was drawn; plus that of the weight, where it is not 0."""
        inputs, observed = _bind(self.program, {**self.params, **params}, {})
        event = Replayed(self.program, self.key, inputs, observed, 13, Numbers(64), 1_000_000)
        event.drawn = self.drawn
        event.run()
        assert event.fault is None
        return event.log_prob + (float(np.log(event.weight)) if event.weight > 0 else 0.0)

    def log_ratio(self, **params: Any) -> float:
        return self.log_prob(**params) - self.log_prob()

    def score(self, name: str, step: float = 1e-4) -> float:
        """Central difference of fourth order."""
        x, f = self.params[name], lambda y: self.log_prob(**{name: y})
        near, far = f(x + step) - f(x - step), f(x + 2 * step) - f(x - 2 * step)
        return float(np.float64(8 * near - far) / (12 * step))
