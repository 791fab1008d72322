"""The built-in four-vector: derived attributes, operators, `dot`, `boost`, `delta_r`. Metric (+, -, -, -)."""

from __future__ import annotations

from collections.abc import Callable

from hepppl.diagnostics import Span
from hepppl.semantics.arithmetic import Operand, arithmetic, const, op, scalar_of
from hepppl.semantics.context import Context
from hepppl.semantics.declared import P4_FIELDS
from hepppl.semantics.types import NONE, Tensor
from hepppl.semantics.values import POISON, Num, Poison, Rec, Structured, describe, with_article


class _Failed(Exception):
    """A diagnostic has been recorded; the whole formula is poisoned."""


class _Expr:
    """Arithmetic on tensors with Python's operators, so that the formulas below read as formulas."""

    def __init__(self, cx: Context, value: Structured, span: Span):
        if isinstance(value, Poison):
            raise _Failed
        assert isinstance(value, Num)
        self.cx, self.value, self.span = cx, value, span

    def _with(self, symbol: str, a: Structured, b: Structured) -> _Expr:
        result = arithmetic(self.cx, symbol, Operand(a, self.span), Operand(b, self.span), self.span)
        return _Expr(self.cx, result, self.span)

    @staticmethod
    def _plain(other: _Expr | float) -> Structured:
        return other.value if isinstance(other, _Expr) else const(other)

    def __add__(self, other: _Expr | float) -> _Expr:
        return self._with("+", self.value, self._plain(other))

    def __sub__(self, other: _Expr | float) -> _Expr:
        return self._with("-", self.value, self._plain(other))

    def __mul__(self, other: _Expr | float) -> _Expr:
        return self._with("*", self.value, self._plain(other))

    def __truediv__(self, other: _Expr | float) -> _Expr:
        return self._with("/", self.value, self._plain(other))

    def __pow__(self, power: int) -> _Expr:
        return self._with("^", self.value, const(power))

    def f(self, name: str, *others: _Expr) -> _Expr:
        """An elementwise function by name."""
        from hepppl.semantics.functions import elementwise

        operands = [Operand(x.value, self.span) for x in (self, *others)]
        return _Expr(self.cx, elementwise(self.cx, name, operands, self.span), self.span)


def _components(cx: Context, p: Rec, span: Span) -> tuple[_Expr, _Expr, _Expr, _Expr]:
    e, x, y, z = (_Expr(cx, p.fields[f], span) for f in P4_FIELDS)
    return e, x, y, z


_DERIVED: dict[str, Callable[[_Expr, _Expr, _Expr, _Expr], _Expr]] = {
    "pt": lambda e, x, y, z: x.f("hypot", y),
    "p": lambda e, x, y, z: (x**2 + y**2 + z**2).f("sqrt"),
    "phi": lambda e, x, y, z: y.f("arctan2", x),
    "theta": lambda e, x, y, z: x.f("hypot", y).f("arctan2", z),
    "eta": lambda e, x, y, z: (z / x.f("hypot", y)).f("arcsinh"),
    "rapidity": lambda e, x, y, z: (z / e).f("arctanh"),
    "mass": lambda e, x, y, z: _signed_root(e**2 - x**2 - y**2 - z**2),
}
DERIVED = tuple(_DERIVED)


def _signed_root(m2: _Expr) -> _Expr:
    """Negative for a space-like vector, as in `vector` and ROOT. The root is zero where the sign jumps."""
    assert isinstance(m2.value, Num)
    sign = op(m2.cx, "sign", [m2.value], Tensor("real", NONE, m2.value.type.shape), m2.span, continuous=True)
    return _Expr(m2.cx, sign, m2.span) * m2.f("abs").f("sqrt")


def derived(cx: Context, p: Rec, name: str, span: Span) -> Structured:
    try:
        return _DERIVED[name](*_components(cx, p, span)).value
    except _Failed:
        return POISON


def combine(cx: Context, symbol: str, left: Operand, right: Operand, op_span: Span) -> Structured:
    """`+ -` of two four-vectors, `* /` with a number."""
    a, b = left.value, right.value
    if isinstance(a, Poison) or isinstance(b, Poison):
        return POISON
    vectors = [isinstance(v, Rec) and v.name == "p4" for v in (a, b)]
    if all(vectors) and symbol in "+-":
        assert isinstance(a, Rec)
        assert isinstance(b, Rec)
        fields = {
            f: arithmetic(cx, symbol, Operand(a.fields[f], left.span), Operand(b.fields[f], right.span), op_span)
            for f in P4_FIELDS
        }
    elif vectors[0] and symbol in "*/" and not isinstance(b, Rec):
        assert isinstance(a, Rec)
        fields = {f: arithmetic(cx, symbol, Operand(a.fields[f], left.span), right, op_span) for f in P4_FIELDS}
    elif vectors[1] and symbol == "*" and not isinstance(a, Rec):
        assert isinstance(b, Rec)
        fields = {f: arithmetic(cx, symbol, left, Operand(b.fields[f], right.span), op_span) for f in P4_FIELDS}
    else:
        hint = "the product of two four-vectors is dot(p, q)" if all(vectors) and symbol == "*" else None
        if not any(vectors):
            hint = "operators work on numbers and four-vectors: combine the fields"
        labels = ((left.span, describe(a)), (right.span, describe(b)))
        return cx.error(
            "E201", f"'{symbol}' cannot combine {with_article(a)} and {with_article(b)}", op_span, labels, (hint,)
        )
    if any(isinstance(f, Poison) for f in fields.values()):
        return POISON
    shape = next((v.type.shape for v in fields.values() if isinstance(v, Num)), ())
    return Rec("p4", fields, shape)


def _vector(cx: Context, o: Operand, what: str) -> Rec:
    if isinstance(o.value, Rec) and o.value.name == "p4":
        return o.value
    if not isinstance(o.value, Poison):
        cx.error("E201", f"{what} needs a four-vector, not {with_article(o.value)}", o.span)
    raise _Failed


def dot4(cx: Context, left: Operand, right: Operand, span: Span) -> Structured:
    """e e' - p·p'."""
    try:
        e, x, y, z = _components(cx, _vector(cx, left, "'dot'"), span)
        f, u, v, w = _components(cx, _vector(cx, right, "'dot'"), span)
        return (e * f - x * u - y * v - z * w).value
    except _Failed:
        return POISON


def delta_r(cx: Context, args: list[Operand], span: Span) -> Structured:
    """sqrt(Δη² + Δφ²), Δφ folded into (-π, π]."""
    try:
        p, q = (_vector(cx, a, "'delta_r'") for a in args)
        a, b = _components(cx, p, span), _components(cx, q, span)
        eta = _DERIVED["eta"](*a) - _DERIVED["eta"](*b)
        phi = _DERIVED["phi"](*a) - _DERIVED["phi"](*b)
        folded = phi.f("sin").f("arctan2", phi.f("cos"))
        return eta.f("hypot", folded).value
    except _Failed:
        return POISON


def boost(cx: Context, args: list[Operand | None], span: Span) -> Structured:
    """``boost(p, q)``: from the rest frame of ``q`` to the frame in which ``q`` is given; ``boost(p, bx, by, bz)`` by a
    velocity in units of c. e' = γ(e + β·p), p' = p + β(γ e + γ²/(1+γ) β·p)."""
    given = [a for a in args if a is not None]
    try:
        vector = _vector(cx, given[0], "'boost'")
        e, x, y, z = _components(cx, vector, span)
        if len(given) == 2:
            f, u, v, w = _components(cx, _vector(cx, given[1], "'boost'"), span)
            b = (u / f, v / f, w / f)
        elif len(given) == 4:
            nums = [scalar_of(cx, g, "a velocity") for g in given[1:]]
            b = tuple(_Expr(cx, n, g.span) for n, g in zip(nums, given[1:], strict=True))  # type: ignore[assignment]
        else:
            cx.error(
                "E205",
                "'boost' takes a four-vector, or three velocities",
                span,
                hints=("boost(p, q) or boost(p, bx, by, bz)",),
            )
            return POISON
        b2 = b[0] ** 2 + b[1] ** 2 + b[2] ** 2
        gamma = (b2 * -1.0 + 1.0) ** -1
        gamma = gamma.f("sqrt")
        along = b[0] * x + b[1] * y + b[2] * z
        shift = gamma * e + gamma**2 / (gamma + 1.0) * along
        new = (gamma * (e + along), x + b[0] * shift, y + b[1] * shift, z + b[2] * shift)
        return Rec("p4", dict(zip(P4_FIELDS, (c.value for c in new), strict=True)), vector.shape)
    except _Failed:
        return POISON
