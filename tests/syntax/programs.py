"""Programs at random, for hypothesis: every construct of the grammar, in any legal layout.

Texts, not trees, are drawn, so that line ends, comments and blanks vary as well. ``depth`` bounds what is nested.
"""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import strategies as st

NAMES = ("a", "b", "x_1", "energy", "α_s", "GeV", "mm", "normal", "p", "iffy")
INTEGERS = ("0", "1", "12", "1_000")
NUMBERS = (*INTEGERS, "2.5", "2.", ".5", "1e-3", "1.5E6")
BREAKS = ("", "", "", "\n", " # comment\n", "\n  # own\n")
"""What may stand between two words inside brackets."""
ENDS = ("\n", "\n\n", "\n\n\n", ";", "  # beside\n", "\n# above\n", "\n\n  # alone\n\n")
"""What may end a statement."""


class Writer:
    """Writes one program; all its choices are hypothesis's."""

    def __init__(self, draw: Callable[[st.SearchStrategy], int]):
        self.draw = draw

    def below(self, n: int) -> int:
        return self.draw(st.integers(0, n - 1))

    def one(self, *texts: str) -> str:
        return texts[self.below(len(texts))]

    def maybe(self, text: str) -> str:
        return self.one("", text)

    def listed(self, element: Callable[[], str], opening: str, closing: str, smallest: int = 0) -> str:
        """Elements in brackets, with line ends and comments among them."""
        elements = [self.one(*BREAKS) + element() for _ in range(smallest + self.below(3))]
        comma = self.maybe(",") if elements else ""
        return opening + ", ".join(elements) + comma + self.one(*BREAKS) + closing

    # ------------------------------------------------------------ expressions, by rising precedence

    def expression(self, depth: int) -> str:
        if depth <= 0:
            return self.atom()
        logical = self.logical
        match self.below(6):
            case 0:
                then, other = self.expression(depth - 1), self.expression(depth - 1)
                return f"if {self.condition(logical(depth))} then {then} else {other}"
            case 1:
                return f"{self.one(*NAMES)} -> {self.expression(depth - 1)}"
        return logical(depth)

    def condition(self, text: str) -> str:
        """A record is refused as a condition: ``if (a = 1)`` is a slip for ``==``."""
        return f"true and {text}" if text.startswith("(") else text

    def logical(self, depth: int) -> str:
        left = self.maybe("not ") + self.comparison(depth)
        return left if self.below(3) else f"{left} {self.one('and', 'or')} {self.logical(depth - 1)}"

    def comparison(self, depth: int) -> str:
        out = self.sum(depth)
        for _ in range(max(0, self.below(4) - 1)):
            out += f" {self.one('<', '<=', '>', '>=', '==', '!=')} {self.sum(depth - 1)}"
        return out

    def sum(self, depth: int) -> str:
        operands = [self.sign(depth) for _ in range(1 + self.below(3))]
        out = operands[0]
        for operand in operands[1:]:
            out += f" {self.one('+', '-', '*', '/', '%')} {operand}"
        return out

    def sign(self, depth: int) -> str:
        return self.one("", "", "-", "+", "--") + self.power(depth)

    def power(self, depth: int) -> str:
        match self.below(5):
            case 0:
                return f"{self.one(*NUMBERS)} {self.one('GeV', 'mm', 'fb^-1', 'GeV^2')}"
            case 1:
                return f"{self.postfix(depth - 1)} ^ {self.maybe('-')}{self.postfix(depth - 1)}"
        return self.postfix(depth - 1)

    def postfix(self, depth: int) -> str:
        if depth <= 0:
            return self.atom()
        inner = lambda: self.expression(depth - 1)  # noqa: E731
        named = lambda: f"{self.one(*NAMES)} = {inner()}"  # noqa: E731
        name = self.one(*NAMES)
        match self.below(8):
            case 0:
                return name + self.listed(self.one_of(inner, named), "(", ")")
            case 1:
                return f"{name}[{self.one(inner(), f'{inner()} .. {inner()}', '..')}{self.one(*BREAKS)}]"
            case 2:
                return f"{name}.{self.one(*NAMES)}"
            case 3:
                return self.listed(named, "(", ")", smallest=1)
            case 4:
                return self.listed(inner, "[", "]")
            case 5:
                return f"({self.one(*BREAKS)}{inner()}{self.one(*BREAKS)})"
            case 6:
                return f"[{inner()} for {name} in {inner()} .. {inner()}{self.one(*BREAKS)}]"
        return self.atom()

    def one_of(self, *writers: Callable[[], str]) -> Callable[[], str]:
        return lambda: writers[self.below(len(writers))]()

    def atom(self) -> str:
        return self.one(*NAMES, *NUMBERS, '"Z0"', "true", "false")

    # ------------------------------------------------------------ types and statements

    def type(self) -> str:
        unit = self.one("GeV", "GeV/mm", "1/mm^2", "GeV*mm^-1", "1")
        return self.one(*NAMES, "int[3]", "energy[]", "real[2][x_1]", f"real<{unit}>", f"real<{unit}>[]")

    def typed(self) -> str:
        return self.maybe(f": {self.type()}")

    def default(self, depth: int) -> str:
        return self.maybe(f" = {self.expression(depth)}")

    def target(self) -> str:
        return self.one(*NAMES) + self.maybe(f"[{self.one(*NUMBERS)}]")

    def simple(self, depth: int) -> str:
        e = self.expression(depth)
        match self.below(8):
            case 0:
                ends = f"{self.one(*'([')}{self.one(*NUMBERS)}, {self.one(*NUMBERS)}{self.one(*')]')}"
                support, prior = self.maybe(f" in {ends}"), self.maybe(" ~ normal(0, 1)")
                return f"param {self.one(*NAMES)}{self.typed()}{support}{prior}{self.default(depth)}"
            case 1:
                return f"data {self.one(*NAMES)}: {self.type()}{self.default(depth)}"
            case 2:
                return f"const {self.one(*NAMES)}{self.typed()} = {e}"
            case 3:
                clauses = self.one("", " limit 3", " by score", ' limit 2 by score(b = "loo")')
                return f"{self.target()} ~ {e}{clauses}"
            case 4:
                return f"observe {self.target()} ~ {e}"
            case 5:
                return (
                    f"{self.one('emit', 'weight', 'return')} {e}" if self.below(4) else f"require {self.condition(e)}"
                )
            case 6:
                return self.listed(lambda: self.expression(depth), self.one("spawn f(", "net f: mlp("), ")")
        return f"{self.target()} = {e}"

    def statement(self, depth: int) -> str:
        e, body = self.expression, self.body
        if depth <= 0:
            return self.simple(2)
        match self.below(8):
            case 0:
                between = self.one(" ", "\n", " # beside\n", "\n# above else\n")
                again = self.maybe(f"{between}else if {self.condition(e(1))}{body(depth - 1)}")
                other = self.maybe(f"{between}else{body(depth - 1)}")
                return f"if {self.condition(e(1))}{body(depth - 1)}{again}{other}"
            case 1:
                return f"{self.one('for', 'plate')} {self.one(*NAMES)} in {e(1)} .. {e(1)}{body(depth - 1)}"
            case 2:
                return f"while {self.condition(e(1))} limit {self.one(*INTEGERS)}{body(depth - 1)}"
        return self.simple(2)

    def body(self, depth: int) -> str:
        opening = self.one(" {", "{\n", " { # brace\n", " {\n\n# in\n")
        inside = "".join(self.statement(depth) + self.one(*ENDS) for _ in range(self.below(3)))
        return f"{opening} {inside}{self.one('}', '# last' + chr(10) + '}', chr(10) + '}')}"

    # ------------------------------------------------------------ items

    def formal(self) -> str:
        return self.one(*NAMES) + self.typed() + self.default(1)

    def item(self) -> str:
        name = self.one(*NAMES)
        formals = self.listed(self.formal, "(", ")")
        match self.below(9):
            case 0:
                return 'import "a.hep"' + self.maybe(" as b")
            case 1:
                return f"unit {name} = {self.expression(2)}"
            case 2:
                return f"const {name}{self.typed()} = {self.expression(2)}"
            case 3:
                fields = [f"{self.one(*NAMES)}: {self.type()}" for _ in range(self.below(4))]
                return f"type {name} {{ {self.one(', ', chr(10), ',' + chr(10), '  # field' + chr(10)).join(fields)} }}"
            case 4:
                result = self.maybe(f" -> {self.type()}")
                return f"fn {name}{formals}{result} = {self.expression(2)}"
            case 5:
                return f"fn {name}{formals}{self.body(2)}"
            case 6:
                return f"extern fn {name}{formals} -> {self.type()}"
            case 7:
                return f"process {name}{formals}{self.body(2)}"
        return f"model {name}{self.body(2)}"


@st.composite
def expressions(draw: st.DrawFn) -> str:
    return Writer(draw).expression(3)


@st.composite
def programs(draw: st.DrawFn) -> str:
    writer = Writer(draw)
    return "".join(writer.item() + writer.one(*ENDS) for _ in range(writer.below(4)))
