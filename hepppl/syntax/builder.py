"""From the rules of the grammar to the AST: one method per rule or alias of ``hep.lark``.

lark calls a method when its rule is complete, with the children in order: tokens, nodes, and ``None`` for each part
in [ ] that is absent. Every token is kept, so the first and the last child give the exact extent of the node.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import Any

from hepppl.diagnostics import Diagnostic, Span
from hepppl.syntax import ast
from hepppl.syntax.tokens import Token


class Mistake(Exception):
    """What fits the grammar and is wrong all the same."""

    def __init__(self, code: str, message: str, span: Span, *hints: str):
        super().__init__(message)
        self.diagnostic = Diagnostic(code, message, span, (), hints)


def _extent(children: Sequence[Any]) -> Span:
    first, last = children[0], children[-1]
    if first is None:
        first = next(c for c in children if c is not None)
    if last is None:
        last = next(c for c in reversed(children) if c is not None)
    start: Span = first.span
    return Span(start.source, start.start, last.span.end)


def _name(token: Token) -> str:
    return token.text if token.text.isascii() else unicodedata.normalize("NFKC", token.text)


def _after(children: Sequence[Any], kind: str) -> Any:
    """The child that follows the token ``kind``, or None where that token is absent."""
    for i, child in enumerate(children):
        if isinstance(child, Token) and child.type == kind:
            return children[i + 1]
    return None


def _all(children: Sequence[Any], kind: type | tuple[type, ...]) -> tuple[Any, ...]:
    return tuple(c for c in children if isinstance(c, kind))


def _no_record(cond: ast.Expr) -> None:
    """``if (a = b) …``, which reads like a record."""
    if isinstance(cond, ast.Record):
        hint = f"write `{cond.fields[0].name} == {cond.fields[0].value.span.text}`"
        raise Mistake("E110", "`=` gives a name its value; a comparison is written `==`", cond.span, hint)


def number(token: Token) -> ast.Number:
    digits = token.text.replace("_", "")
    value = int(digits) if digits.isdigit() else float(digits)
    return ast.Number(token.span, token.text, value)


class Builder:
    """The callbacks. Stateless: tokens know their source."""

    # ------------------------------------------------------------ expressions

    def number(self, c: list[Any]) -> ast.Expr:
        return number(c[0])

    def quantity(self, c: list[Any]) -> ast.Expr:
        return ast.Quantity(_extent(c), number(c[0]), c[1])

    def unit_power(self, c: list[Any]) -> ast.UnitFactor:
        return ast.UnitFactor(_extent(c), _name(c[0]), _power(c[1:]))

    def name(self, c: list[Any]) -> ast.Expr:
        return ast.Name(c[0].span, _name(c[0]))

    def string(self, c: list[Any]) -> ast.Expr:
        return ast.String(c[0].span, c[0].text[1:-1])

    def true(self, c: list[Any]) -> ast.Expr:
        return ast.Bool(c[0].span, True)

    def false(self, c: list[Any]) -> ast.Expr:
        return ast.Bool(c[0].span, False)

    def paren(self, c: list[Any]) -> ast.Expr:
        return ast.Paren(_extent(c), c[1])

    def record(self, c: list[Any]) -> ast.Expr:
        return ast.Record(_extent(c), _all(c, ast.Arg))

    def array(self, c: list[Any]) -> ast.Expr:
        return ast.ArrayLit(_extent(c), _all(c, ast.Expr))

    def comprehension(self, c: list[Any]) -> ast.Expr:
        _, body, _, var, _, low, _, high, _ = c
        return ast.Comprehension(_extent(c), body, _name(var), var.span, low, high)

    def named(self, c: list[Any]) -> ast.Arg:
        return ast.Arg(_extent(c), _name(c[0]), c[0].span, c[2])

    def arg(self, c: list[Any]) -> ast.Arg:
        name, _, value = c
        if name is None:
            return ast.Arg(value.span, None, None, value)
        return ast.Arg(_extent(c), _name(name), name.span, value)

    def call(self, c: list[Any]) -> ast.Call:
        if isinstance(c[0], (ast.Number, ast.Quantity)):
            message = f"a `*` is missing between `{c[0].span.text}` and `(`"
            raise Mistake("E122", message, c[0].span, "there is no implicit multiplication")
        return ast.Call(_extent(c), c[0], _all(c, ast.Arg))

    def slice(self, c: list[Any]) -> ast.Slice:
        return ast.Slice(_extent(c), c[0], c[2])

    def index(self, c: list[Any]) -> ast.Expr:
        return ast.Index(_extent(c), c[0], _all(c[1:], (ast.Expr, ast.Slice)))

    def attr(self, c: list[Any]) -> ast.Expr:
        return ast.Attr(_extent(c), c[0], _name(c[2]), c[2].span)

    def unary(self, c: list[Any]) -> ast.Expr:
        return ast.Unary(_extent(c), c[0].text, c[1])

    def binary(self, c: list[Any]) -> ast.Expr:
        left, op, right = c
        return ast.Binary(_extent(c), op.text, op.span, left, right)

    def compare(self, c: list[Any]) -> ast.Expr:
        ops = c[1::2]
        return ast.Compare(_extent(c), tuple(c[0::2]), tuple(op.text for op in ops), tuple(op.span for op in ops))

    def if_expr(self, c: list[Any]) -> ast.Expr:
        _no_record(c[1])
        return ast.IfExpr(_extent(c), c[1], c[3], c[5])

    def lambda_expr(self, c: list[Any]) -> ast.Expr:
        return ast.Lambda(_extent(c), _name(c[0]), c[0].span, c[2])

    # ------------------------------------------------------------ types

    def type(self, c: list[Any]) -> ast.TypeExpr:
        name, unit, lengths, i = _name(c[0]), None, [], 1
        while i < len(c):
            kind = c[i].type if isinstance(c[i], Token) else None
            if kind == "DOT":
                name, i = f"{name}.{_name(c[i + 1])}", i + 2
            elif kind == "LT":
                end = next(k for k in range(i, len(c)) if isinstance(c[k], Token) and c[k].type == "GT")
                unit, i = _unit(c[i + 1 : end]), end + 1
            elif kind == "LSQB":
                lengths.append(c[i + 1])
                i += 3
            else:
                i += 1
        return ast.TypeExpr(_extent(c), name, unit, tuple(lengths))

    def unit_factor(self, c: list[Any]) -> Any:
        if c[0].type == "NUMBER":
            if c[0].text != "1":
                hint = "declare a unit of your own with `unit name = 5 GeV`"
                raise Mistake("E121", "the only number in a unit is 1, as in `1/mm`", c[0].span, hint)
            return c[0]
        return ast.UnitFactor(_extent(c), _name(c[0]), _power(c[1:]))

    # ------------------------------------------------------------ statements

    def block(self, c: list[Any]) -> ast.Block:
        return ast.Block(_extent(c), _all(c, ast.Stmt))

    def param_stmt(self, c: list[Any]) -> ast.Stmt:
        return ast.ParamStmt(
            _extent(c),
            _name(c[1]),
            c[1].span,
            type=_after(c, "COLON"),
            support=_after(c, "IN"),
            prior=_after(c, "TILDE"),
            default=_after(c, "EQUAL"),
        )

    def interval(self, c: list[Any]) -> ast.Interval:
        return ast.Interval(_extent(c), c[1], c[3], c[0].type == "LSQB", c[4].type == "RSQB")

    def data_stmt(self, c: list[Any]) -> ast.Stmt:
        return ast.DataStmt(_extent(c), _name(c[1]), c[1].span, c[3], _after(c, "EQUAL"))

    def const_stmt(self, c: list[Any]) -> ast.Stmt:
        return ast.ConstStmt(_extent(c), _name(c[1]), c[1].span, _after(c, "COLON"), _after(c, "EQUAL"))

    def net_stmt(self, c: list[Any]) -> ast.Stmt:
        return ast.NetStmt(_extent(c), _name(c[1]), c[1].span, c[3])

    def observe_stmt(self, c: list[Any]) -> ast.Stmt:
        return ast.ObserveStmt(_extent(c), c[1], c[3])

    def sample_stmt(self, c: list[Any]) -> ast.Stmt:
        return ast.SampleStmt(_extent(c), c[0], c[2], _after(c, "LIMIT"), _after(c, "BY"))

    def estimator(self, c: list[Any]) -> ast.EstimatorRef:
        return ast.EstimatorRef(_extent(c), _name(c[0]), _all(c, ast.Arg))

    def assign_stmt(self, c: list[Any]) -> ast.Stmt:
        return ast.AssignStmt(_extent(c), c[0], c[2])

    def target(self, c: list[Any]) -> ast.Target:
        return ast.Target(_extent(c), _name(c[0]), c[0].span, _all(c, ast.Expr))

    def if_stmt(self, c: list[Any]) -> ast.Stmt:
        for cond in _all(c, ast.Record):
            _no_record(cond)
        branches, other, i = [], None, 0
        while i < len(c) and c[i] is not None:  # [else] if cond block … | else block
            i += c[i].type == "ELSE"
            if isinstance(c[i], Token):
                branches.append((c[i + 1], c[i + 2]))
                i += 3
            else:
                other = c[i]
                i += 1
        return ast.IfStmt(_extent(c), tuple(branches), other)

    def for_stmt(self, c: list[Any]) -> ast.Stmt:
        return ast.ForStmt(_extent(c), _name(c[1]), c[1].span, c[3], c[5], c[6])

    def plate_stmt(self, c: list[Any]) -> ast.Stmt:
        return ast.PlateStmt(_extent(c), _name(c[1]), c[1].span, c[3], c[5], c[6])

    def while_stmt(self, c: list[Any]) -> ast.Stmt:
        _no_record(c[1])
        return ast.WhileStmt(_extent(c), c[1], c[3], c[4])

    def spawn_stmt(self, c: list[Any]) -> ast.Stmt:
        return ast.SpawnStmt(_extent(c), c[1])

    def emit_stmt(self, c: list[Any]) -> ast.Stmt:
        return ast.EmitStmt(_extent(c), c[1])

    def weight_stmt(self, c: list[Any]) -> ast.Stmt:
        return ast.WeightStmt(_extent(c), c[1])

    def require_stmt(self, c: list[Any]) -> ast.Stmt:
        _no_record(c[1])
        return ast.RequireStmt(_extent(c), c[1])

    def return_stmt(self, c: list[Any]) -> ast.Stmt:
        return ast.ReturnStmt(_extent(c), c[1])

    def broken(self, c: list[Any]) -> ast.Stmt:
        return ast.Stmt(_extent(c))

    # ------------------------------------------------------------ items

    def import_item(self, c: list[Any]) -> ast.Item:
        alias = _after(c, "AS")
        named = (_name(alias), alias.span) if alias is not None else (None, None)
        return ast.ImportItem(_extent(c), c[1].text[1:-1], c[1].span, *named)

    def unit_item(self, c: list[Any]) -> ast.Item:
        return ast.UnitItem(_extent(c), _name(c[1]), c[1].span, c[3])

    def type_item(self, c: list[Any]) -> ast.Item:
        return ast.TypeItem(_extent(c), _name(c[1]), c[1].span, _all(c, ast.Field))

    def field(self, c: list[Any]) -> ast.Field:
        return ast.Field(_extent(c), _name(c[0]), c[2])

    def formals(self, c: list[Any]) -> Any:
        return _Args(_extent(c), _all(c, ast.Formal))

    def formal(self, c: list[Any]) -> ast.Formal:
        return ast.Formal(_extent(c), _name(c[0]), _after(c, "COLON"), _after(c, "EQUAL"))

    def fn_short(self, c: list[Any]) -> ast.Item:
        return ast.FnItem(_extent(c), _name(c[1]), c[1].span, c[2].args, _after(c, "ARROW"), c[-1])

    fn_long = fn_short

    def extern_item(self, c: list[Any]) -> ast.Item:
        return ast.ExternItem(_extent(c), _name(c[2]), c[2].span, c[3].args, c[5])

    def process_item(self, c: list[Any]) -> ast.Item:
        return ast.ProcessItem(_extent(c), _name(c[1]), c[1].span, c[2].args, c[3])

    def model_item(self, c: list[Any]) -> ast.Item:
        return ast.ModelItem(_extent(c), _name(c[1]), c[1].span, c[2])

    def start(self, c: list[Any]) -> list[Any]:
        return [child for child in c if isinstance(child, ast.Node)]


class _Args:
    """The arguments in a pair of parentheses, and its extent, on their way into a node."""

    __slots__ = ("args", "span")

    def __init__(self, span: Span, args: tuple[Any, ...]):
        self.span = span
        self.args = args


def _power(c: Sequence[Any]) -> int:
    """The exponent in ``[CARET [PLUS | MINUS] NUMBER]``."""
    if not c or c[-1] is None:
        return 1
    digits = c[-1].text.replace("_", "")
    if not digits.isdigit() or len(digits) > 3:
        hint = "write a root as `sqrt(x)`, or raise the whole quantity: `(30 GeV)^0.5`"
        raise Mistake("E121", "the power of a unit is a small whole number", c[-1].span, hint)
    value = int(digits)
    return -value if any(t is not None and t.type == "MINUS" for t in c) else value


def _unit(c: Sequence[Any]) -> ast.UnitExpr:
    factors, sign = [], 1
    for child in c:
        if isinstance(child, ast.UnitFactor):
            factors.append(ast.UnitFactor(child.span, child.name, sign * child.power))
        elif child.type in ("STAR", "SLASH"):
            sign = -1 if child.type == "SLASH" else 1
    return ast.UnitExpr(_extent(c), tuple(factors))
