"""Programs that mean something, by chance: every name is defined, every type and dimension fits, values stay small.

A checker that refuses one of them is wrong, and so are two back ends that do not agree on its events.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import contextmanager

#: What the generator knows of types: a number, an integer, a condition, an energy, an array of three numbers.
KINDS = ("real", "int", "bool", "energy", "array")


class Writer:
    """Writes one model, and a process for it. ``names`` are the values in scope, by kind."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.names: dict[str, list[str]] = {kind: [] for kind in KINDS}
        self.lines: list[str] = []
        self.indent = 1
        self.count = 0

    def line(self, text: str) -> None:
        self.lines.append("    " * self.indent + text)

    def fresh(self) -> str:
        self.count += 1
        return f"v{self.count}"

    @contextmanager
    def block(self, head: str, tail: str = "}"):
        """What is bound inside is forgotten outside."""
        before = {kind: list(names) for kind, names in self.names.items()}
        self.line(head + " {")
        self.indent += 1
        yield
        self.indent -= 1
        self.line(tail)
        self.names = before

    # ------------------------------------------------------------ expressions

    def one(self, *choices: Callable[[], str]) -> str:
        return self.rng.choice(choices)()

    def expr(self, kind: str, depth: int = 2) -> str:
        if self.names[kind] and self.rng.random() < (0.3 if depth else 0.8):
            return self.rng.choice(self.names[kind])
        return getattr(self, kind)(depth - 1)

    def real(self, depth: int) -> str:
        if depth < 0:
            return self.rng.choice(("0.5", "1.5", "-0.3", "2", "pi / 4"))
        e = lambda kind="real": self.expr(kind, depth)  # noqa: E731
        return self.one(
            lambda: f"({e()} {self.rng.choice('+-*')} {e()})",
            lambda: f"{self.rng.choice(('sin', 'tanh', 'arctan', 'sigmoid', 'abs', 'cos'))}({e()})",
            lambda: f"exp(-abs({e()}))",
            lambda: f"sqrt(1 + {e()}^2)",
            lambda: f"{e()} / (1 + abs({e()}))",
            lambda: f"{self.rng.choice(('min', 'max'))}({e()}, {e('int')})",
            lambda: f"(if {e('bool')} then {e()} else {e()})",
            lambda: f"tanh({e('energy')} / GeV)",
            lambda: f"{self.rng.choice(('sum', 'mean', 'min', 'max'))}({e('array')})",
            lambda: f"({e('array')})[{e('int')} % 3]",
            lambda: f"dot({e('array')}, {e('array')})",
        )

    def int(self, depth: int) -> str:
        if depth < 0:
            return str(self.rng.randrange(4))
        e = lambda kind="int": self.expr(kind, depth)  # noqa: E731
        return self.one(
            lambda: f"({e()} {self.rng.choice('+-')} {e()}) % 7",
            lambda: f"min({e()}, {e()}, 5)",
            lambda: f"(if {e('bool')} then {e()} else {e()})",
            lambda: f"len({e('array')})",
            lambda: f"argmax({e('array')})",
            lambda: f"({e('bool')} + {e('bool')})",
        )

    def bool(self, depth: int) -> str:
        if depth < 0:
            return self.rng.choice(("true", "(1 < 2)"))
        e = lambda kind="bool": self.expr(kind, depth)  # noqa: E731
        return self.one(
            lambda: f"({e('real')} {self.rng.choice('<>')} {e('real')})",
            lambda: f"({e()} {self.rng.choice(('and', 'or'))} {e()})",
            lambda: f"(not {e()})",
            lambda: f"({e('int')} == {e('int')})",
            lambda: f"(-1 < {e('real')} <= 2)",
            lambda: f"({e('energy')} > 1 GeV)",
            lambda: f"any({e('array')} > {e('real')})",
        )

    def energy(self, depth: int) -> str:
        if depth < 0:
            return self.rng.choice(("1 GeV", "250 MeV", "0.002 TeV"))
        e = lambda kind="energy": self.expr(kind, depth)  # noqa: E731
        return self.one(
            lambda: f"({e()} {self.rng.choice('+-')} {e()})",
            lambda: f"tanh({e('real')}) * {e()}",
            lambda: f"hypot({e()}, {e()})",
            lambda: f"(if {e('bool')} then {e()} else {e()})",
        )

    def array(self, depth: int) -> str:
        if depth < 0:
            return "[0.5, -1, 2]"
        e = lambda kind="array": self.expr(kind, depth)  # noqa: E731
        return self.one(
            lambda: f"[{e('real')}, {e('real')}, {e('real')}]",
            lambda: f"({e()} {self.rng.choice('+-*')} {e()})",
            lambda: f"{self.rng.choice(('sort', 'cumsum', 'tanh', 'reverse'))}({e()})",
            lambda: f"fill(3, {e('real')})",
            lambda: f"[tanh(k * {e('real')}) for k in 0..3]",
        )

    # ------------------------------------------------------------ statements

    def bounded(self, kind: str) -> str:
        """A value that no loop can let grow."""
        value = self.expr(kind)
        if kind in ("real", "array"):
            return f"tanh({value})"
        return {"int": f"min(max({value}, 0), 6)", "energy": f"tanh({value} / GeV) * GeV"}.get(kind, value)

    def let(self, kind: str, value: str, sign: str = "=") -> None:
        name = self.fresh()
        self.line(f"{name} {sign} {value}")
        self.names[kind].append(name)

    def site(self) -> None:
        e = lambda: f"tanh({self.expr('real')})"  # noqa: E731
        kind, law = self.rng.choice((
            ("real", f"normal({e()}, 0.5 + {e()}^2)"),
            ("real", f"uniform({e()} - 1, {e()} + 1.5)"),
            ("real", f"exponential(1 + {e()}^2)"),
            ("real", f"truncated(normal({e()}, 1), -2, 2)"),
            ("real", f"mixture([0.3, 0.7], [normal({e()}, 1), normal({e()}, 0.5)])"),
            ("energy", f"normal({e()} * GeV, 300 MeV)"),
            ("bool", f"bernoulli(sigmoid({e()}))"),
            ("int", f"poisson(1 + {e()})"),
            ("int", f"binomial(3, sigmoid({e()}))"),
            ("int", "categorical([0.2, 0.3, 0.5])"),
        ))  # fmt: skip
        self.let(kind, law, "~")

    def rebind(self) -> None:
        kind = self.rng.choice([kind for kind in KINDS if self.names[kind]])
        name = self.rng.choice(self.names[kind])
        if kind == "array" and self.rng.random() < 0.5:
            self.line(f"{name}[{self.expr('int')} % 3] = {self.bounded('real')}")
        else:
            self.line(f"{name} = {self.bounded(kind)}")

    def statement(self, depth: int) -> None:
        match self.rng.randrange(12 if depth else 7):
            case 0 | 1 | 2:
                self.site()
            case 3 | 4:
                kind = self.rng.choice(KINDS)
                self.let(kind, self.bounded(kind))
            case 5 | 6:
                self.rebind()
            case 7 | 8:
                with self.block(f"if {self.expr('bool')}"):
                    self.statements(depth - 1)
                if self.rng.random() < 0.5:
                    self.lines[-1] += " else {"
                    before = {kind: list(names) for kind, names in self.names.items()}
                    self.indent += 1
                    self.statements(depth - 1)
                    self.indent -= 1
                    self.line("}")
                    self.names = before
            case 9:
                with self.block(f"for i{self.count} in 0..{self.rng.randrange(1, 4)}"):
                    self.statements(depth - 1)
            case 10:
                turns = self.fresh()
                self.line(f"{turns} = 0")
                with self.block(f"while {turns} < 3 and {self.expr('bool')} limit 5"):
                    self.statements(depth - 1)
                    self.line(f"{turns} = {turns} + 1")
            case _:
                if self.rng.random() < 0.3:
                    self.line(f"weight 1 + tanh({self.expr('real')})")
                else:
                    name, index = self.fresh(), self.fresh()
                    law = f"normal(tanh({self.expr('real')}) + {index}, 1)"
                    self.line(f"plate {index} in 0..3 {{ {name} ~ {law} }}")
                    self.names["array"].append(name)

    def statements(self, depth: int) -> None:
        for _ in range(self.rng.randrange(1, 4)):
            self.statement(depth)


def _process(rng: random.Random) -> list[str]:
    """A process that spawns itself up to twice, at most three times deep."""
    w = Writer(rng)
    w.names["real"].append("x")
    w.statements(0)
    w.statements(0)
    w.line(f"emit (a = {w.bounded('real')}, b = {w.bounded('int')})")
    for _ in range(rng.randrange(1, 3)):
        w.line(f"if n > 0 and {w.expr('bool')} {{ spawn p({w.bounded('real')}, n - 1) }}")
    return ["process p(x: real, n: int) {", *w.lines, "}"]


def program(seed: int) -> str:
    """The program of that number."""
    rng = random.Random(seed)
    w = Writer(rng)
    for _ in range(rng.randrange(1, 3)):
        name = w.fresh()
        w.line(f"param {name}: real in (-5, 5) = {rng.choice(('0.3', '-0.7', '1.2'))}")
        w.names["real"].append(name)
    params = w.names["real"]
    w.names = {**w.names, "real": list(params)}
    head: list[str] = []
    if rng.random() < 0.5:
        head = _process(rng)
        w.line(f"h ~ p({w.bounded('real')}, 3) limit 32")
        w.let("int", "min(count(h.b > 1), 6)")
        w.let("real", "tanh(sum(h.a))")
    rebindable = [name for name in w.names["real"] if name not in params]
    w.let("real", w.bounded("real"))
    # Parameters cannot be rebound: from here on they are used through a value.
    w.names["real"] = [*rebindable, w.names["real"][-1]]
    for name in params:
        w.let("real", f"1 * {name}")
    for _ in range(rng.randrange(2, 5)):
        w.statement(2)
    given = ", ".join(f"o_{name} = {name}" for kind in KINDS for name in w.names[kind] if name not in params)
    return "\n".join([*head, "model generated {", *w.lines, f"    return ({given})", "}"]) + "\n"
