"""`extern fn`: functions that plugins provide, with the signature that both sides declare."""

from __future__ import annotations

from dataclasses import dataclass

from hepppl.diagnostics import HepError, HepPluginError, Source, Span
from hepppl.plugin import Function, registry
from hepppl.semantics import calls, declared
from hepppl.semantics.arithmetic import Operand, op, scalar_of
from hepppl.semantics.context import Context, Scope
from hepppl.semantics.modules import Module
from hepppl.semantics.types import Tensor, Type
from hepppl.semantics.values import POISON, Num, Poison, Structured, describe_type, with_article
from hepppl.syntax import ast, parse

GROUP = "hepppl.functions"


@dataclass(frozen=True)
class Signature:
    arguments: tuple[Tensor, ...]
    result: Tensor

    def __str__(self) -> str:
        return f"({', '.join(map(describe_type, self.arguments))}) -> {describe_type(self.result)}"


@dataclass(frozen=True)
class Extern:
    function: Function
    signature: Signature


def provided(cx: Context, item: ast.ExternItem) -> Extern | None:
    """The plugin's function behind a declaration, which it must fit; None after a diagnostic."""
    key = item.name_span
    if key not in cx.memo:
        cx.memo[key] = _provided(cx, item)
    return cx.memo[key]


def _provided(cx: Context, item: ast.ExternItem) -> Extern | None:
    with cx.within(Scope("constant", item.name, item=item)):
        mine = _signature(cx, item)
    if mine is None:
        return None
    try:
        function = registry.load(GROUP, item.name, item.name_span)
        theirs = _promised(cx, function, item.name_span)
    except HepPluginError as error:
        cx.diagnostics.extend(error.diagnostics)
        return None
    if theirs is None:
        return None
    if mine != theirs:
        message = f"'{item.name}' of {registry.find(GROUP, item.name)} is {theirs}, not {mine}"
        cx.error("E225", message, item.span, hints=(f"write extern fn {item.name}{function.signature}",))
        return None
    return Extern(function, theirs)


def _signature(cx: Context, item: ast.ExternItem) -> Signature | None:
    types: list[Type | None] = []
    for f in item.formals:
        if f.type is None:
            cx.error(
                "E225", f"the argument '{f.name}' of an `extern fn` needs a type", f.span, hints=(f"{f.name}: real",)
            )
        types.append(declared.type_of_expr(cx, f.type) if f.type is not None else None)
    *arguments, result = *types, declared.type_of_expr(cx, item.returns)
    for where, t in zip((*(f.span for f in item.formals), item.returns.span), (*arguments, result), strict=True):
        if t is not None and not isinstance(t, Tensor):
            cx.error("E225", f"an `extern fn` takes and gives numbers and arrays, not {with_article(t)}", where)
    known = [t for t in arguments if isinstance(t, Tensor)]
    if not isinstance(result, Tensor) or len(known) < len(arguments):
        return None
    return Signature(tuple(known), result)


def _promised(cx: Context, function: Function, span: Span) -> Signature | None:
    """What the plugin's metadata says, read as a declaration of a file of its own."""
    source = Source(f"signature of {function.name}", f"extern fn {function.name}{function.signature}")
    before, found = len(cx.diagnostics), None
    try:
        (item,) = parse(source).items
        assert isinstance(item, ast.ExternItem)
        cx.modules[source] = Module(source)
        with cx.within(Scope("constant", function.name, item=item)):
            found = _signature(cx, item)
        reasons = [d.message for d in cx.diagnostics[before:]]
    except (HepError, ValueError, AssertionError) as error:
        reasons = [d.message for d in error.diagnostics] if isinstance(error, HepError) else ["it is no signature"]
    del cx.diagnostics[before:]
    cx.modules.pop(source, None)
    if found is None:
        package = registry.find(GROUP, function.name)
        message = f"the signature of function '{function.name}' of package {package} cannot be understood: {reasons[0]}"
        cx.error("E804", message, span)
    return found


def call(cx: Context, item: ast.ExternItem, e: ast.Call) -> Structured:
    """A call is one pure operation; both back ends ask the plugin for it."""
    params, required = [f.name for f in item.formals], [f.default is None for f in item.formals]
    bound = calls.bind(cx, e.args, params, required, f"'{item.name}'", e.span, item.name_span)
    extern = provided(cx, item)
    cx.inlined.add(cx.full(item))
    if bound is None or extern is None:
        calls.evaluated(cx, e)
        return POISON
    nums: list[Num] = []
    for formal, arg in zip(item.formals, bound, strict=True):
        given = calls.argument(cx, formal, arg, item)
        span = arg.span if arg is not None else formal.span
        num = given if isinstance(given, Poison) else scalar_of(cx, Operand(given, span), f"'{item.name}'")
        if isinstance(num, Num):
            nums.append(num)
    if len(nums) < len(bound):
        return POISON
    attrs = {"function": item.name, "smooth": extern.function.smooth}
    return op(cx, "extern", nums, extern.signature.result, e.span, **attrs)
