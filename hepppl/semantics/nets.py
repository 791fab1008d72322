"""`net`: learnable functions. A net is a record of its weights, each a parameter of the model, that can be called."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from typing import Any

from hepppl.diagnostics import Span
from hepppl.semantics import calls, expressions, names, statements, structure
from hepppl.semantics.arithmetic import Operand, op, scalar_of, static_int, to_kind
from hepppl.semantics.context import Context
from hepppl.semantics.dims import phrase
from hepppl.semantics.ir import Param
from hepppl.semantics.limits import MAX_WEIGHTS
from hepppl.semantics.types import INT, NONE, REAL, Tensor
from hepppl.semantics.values import POISON, Num, Poison, Rec, Structured, with_article
from hepppl.syntax import ast

ACTIVATIONS = ("tanh", "sigmoid", "softplus", "relu")


@dataclass(frozen=True)
class Perceptron:
    """``widths``: of the inputs, the hidden layers and the outputs."""

    widths: tuple[int, ...]
    activation: str

    def layers(self) -> list[tuple[int, int]]:
        return list(zip(self.widths, self.widths[1:], strict=False))


def declare(cx: Context, stmt: ast.NetStmt) -> None:
    """`net f: mlp(...)`: binds a record of the weights, which are parameters with random defaults."""
    free = statements.declare(cx, stmt.name, stmt.name_span)
    net = _perceptron(cx, stmt)
    if not free:
        return
    if net is None:
        cx.bind(stmt.name, POISON, stmt.name_span, "param")
        return
    kind = f"net {stmt.name}"
    cx.nets[kind] = net
    fields: dict[str, Structured] = {}
    for i, (inputs, outputs) in enumerate(net.layers()):
        bound = math.sqrt(6 / (inputs + outputs))  # Glorot and Bengio 2010, eq. 16
        draw = random.Random(f"{stmt.name}.weight{i}")
        rows = tuple(tuple(draw.uniform(-bound, bound) for _ in range(inputs)) for _ in range(outputs))
        for name, shape, default in (
            (f"weight{i}", (outputs, inputs), rows),
            (f"bias{i}", (outputs,), (0.0,) * outputs),
        ):
            fields[name] = _weight(cx, f"{stmt.name}.{name}", Tensor("real", NONE, shape), default, stmt.span)
    cx.bind(stmt.name, Rec(kind, fields), stmt.name_span, "param")


def _weight(cx: Context, name: str, target: Tensor, default: Any, span: Span) -> Num:
    (node,) = cx.builder.node("param", [], [target], span, {"name": name}, names=[name])
    cx.params.append(Param(name, node, None, default, None, span))
    return Num(target, node)


def _perceptron(cx: Context, stmt: ast.NetStmt) -> Perceptron | None:
    e = stmt.call
    if not isinstance(e.func, ast.Name) or e.func.name != "mlp":
        hint = cx.close_to(e.func.span.text, ["mlp"]) or "net f: mlp(inputs = 2, outputs = 1, hidden = [32, 32])"
        cx.error("E308", f"there is no kind of net '{e.func.span.text}'", e.func.span, hints=(hint,))
        return None
    formals = ["inputs", "outputs", "hidden", "activation"]
    bound = calls.bind(cx, e.args, formals, [True, True, False, False], "'mlp'", e.span)
    if bound is None:
        return None
    inputs, outputs, hidden, activation = bound
    assert inputs is not None
    assert outputs is not None
    before = len(cx.diagnostics)
    widths = [_width(cx, inputs.value), *_hidden(cx, hidden), _width(cx, outputs.value)]
    name = ACTIVATIONS[0]
    if activation is not None:
        given = activation.value
        if not isinstance(given, ast.String) or given.value not in ACTIVATIONS:
            near = cx.close_to(given.value, ACTIVATIONS) if isinstance(given, ast.String) else None
            known = ", ".join(f'"{a}"' for a in ACTIVATIONS)
            cx.error("E205", f"the activation of a net is one of {known}", given.span, hints=(near,))
        else:
            name = given.value
    net = Perceptron(tuple(w or 1 for w in widths), name)
    weights = sum(outs * (ins + 1) for ins, outs in net.layers())
    if weights > MAX_WEIGHTS:
        cx.error("E402", f"a net of {weights:,} weights; {MAX_WEIGHTS:,} at most", e.span)
    return net if len(cx.diagnostics) == before else None


def _width(cx: Context, e: ast.Expr) -> int | None:
    width = static_int(cx, expressions.operand(cx, e), "the width of a layer")
    if width is not None and width < 1:
        cx.error("E402", f"a layer has at least one neuron, not {width}", e.span)
        return None
    return width


def _hidden(cx: Context, arg: ast.Arg | None) -> list[int | None]:
    if arg is None:
        return []
    if not isinstance(arg.value, ast.ArrayLit):
        cx.error("E205", "the hidden layers are given by their widths", arg.value.span, hints=("hidden = [32, 32]",))
        return []
    return [_width(cx, e) for e in arg.value.items]


# ---------------------------------------------------------------- calls


def named(cx: Context, func: ast.Expr) -> Rec | None:
    """The net that the function of a call names, if it is one: of the model, or given as an argument."""
    if not isinstance(func, ast.Name):
        return None
    local = cx.scope.names.get(func.name)
    if local is None and f"net {func.name}" not in cx.nets:
        return None
    value = local.value if local is not None else None
    if local is None and func.name not in cx.scope.later:
        value = names.lookup(cx, func.name, func.span)
    return value if isinstance(value, Rec) and value.name in cx.nets and not value.shape else None


def call(cx: Context, weights: Rec, e: ast.Call) -> Structured:
    """The layers as operations: an array of the outputs, or the one output as a number."""
    assert weights.name is not None
    net = cx.nets[weights.name]
    x = _input(cx, net, e)
    if isinstance(x, Poison):
        return POISON
    last = len(net.widths) - 2
    for i, (_, width) in enumerate(net.layers()):
        row = Tensor("real", NONE, (width,))
        weight, bias = weights.fields[f"weight{i}"], weights.fields[f"bias{i}"]
        assert isinstance(weight, Num)
        assert isinstance(bias, Num)
        for name, other in (("dot", None), ("add", bias)):
            x = op(cx, name, [weight, x] if other is None else [x, other], row, e.span)
            if isinstance(x, Poison):
                return POISON
        if i < last:
            x = _activate(cx, x, net.activation, row, e.span)
            if isinstance(x, Poison):
                return POISON
    return x if net.widths[-1] > 1 else op(cx, "index", [x, Num(INT, None, 0)], REAL, e.span)


def _activate(cx: Context, x: Num, name: str, row: Tensor, span: Span) -> Num | Poison:
    return op(cx, "max", [x, Num(REAL, None, 0.0)], row, span) if name == "relu" else op(cx, name, [x], row, span)


def _input(cx: Context, net: Perceptron, e: ast.Call) -> Num | Poison:
    """The arguments as one array: numbers, or an array of them."""
    given = [expressions.operand(cx, arg.value) for arg in e.args]
    what, wanted = f"'{e.func.span.text}'", net.widths[0]
    nums: list[Num] = []
    for arg, operand in zip(e.args, given, strict=True):
        if arg.name is not None:
            cx.error("E205", f"{what} takes its arguments in order, without names", arg.span)
            return POISON
        num = scalar_of(cx, operand, what)
        if isinstance(num, Num) and num.type.kind != "bool":
            num = to_kind(cx, num, "real", operand.span)
        if isinstance(num, Poison):
            return POISON
        if num.type.kind == "bool" or not num.type.dim.dimensionless:
            found = with_article(num) if num.type.kind == "bool" else phrase(num.type.dim)
            hint = "divide by a unit" if num.type.kind != "bool" else "if b then 1 else 0"
            cx.error("E206", f"{what} takes numbers without dimension, not {found}", operand.span, hints=(hint,))
            return POISON
        nums.append(num)
    if len(nums) == 1 and nums[0].type.shape == (wanted,):
        return nums[0]
    if len(nums) != wanted or any(n.type.shape for n in nums):
        some = f"{wanted} numbers or one array of {wanted}" if wanted > 1 else "1 number"
        cx.error("E205", f"{what} takes {some}", e.span)
        return POISON
    stacked = structure.stack(cx, [Operand(n, o.span) for n, o in zip(nums, given, strict=True)], e.span)
    return stacked if isinstance(stacked, Num) else POISON
