"""Bodies: lists of statements with the names they bind, and the value that a function or sub-model returns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hepppl.diagnostics import Span
from hepppl.semantics import choice, expressions, statements
from hepppl.semantics.arithmetic import Operand, condition
from hepppl.semantics.build import Frame
from hepppl.semantics.context import Context
from hepppl.semantics.structure import convert, unify
from hepppl.semantics.values import POISON, Num, Poison
from hepppl.syntax import ast


def nested(stmt: ast.Stmt) -> Iterator[ast.Block]:
    """The blocks directly inside a statement."""
    if isinstance(stmt, ast.IfStmt):
        yield from (block for _, block in stmt.branches)
        if stmt.other is not None:
            yield stmt.other
    elif isinstance(stmt, (ast.ForStmt, ast.WhileStmt, ast.PlateStmt)):
        yield stmt.body


def every(stmts: Sequence[ast.Stmt]) -> Iterator[ast.Stmt]:
    """Every statement, those inside blocks included, in program order."""
    todo = list(reversed(stmts))
    while todo:
        stmt = todo.pop()
        yield stmt
        todo.extend(reversed([s for block in nested(stmt) for s in block.stmts]))


def first_bindings(stmts: Sequence[ast.Stmt]) -> dict[str, Span]:
    """Where each name that a body gives a value is first bound."""
    found: dict[str, Span] = {}
    for stmt in every(stmts):
        if isinstance(stmt, (ast.AssignStmt, ast.SampleStmt, ast.ObserveStmt)):
            found.setdefault(stmt.target.name, stmt.target.name_span)
        elif isinstance(stmt, (ast.ParamStmt, ast.DataStmt, ast.ConstStmt, ast.NetStmt)):
            found.setdefault(stmt.name, stmt.name_span)
    return found


def assigned(block: ast.Block) -> list[str]:
    """The names that `=` and `~` rebind in a block, in order of appearance."""
    targets = (s.target.name for s in every(block.stmts) if isinstance(s, (ast.AssignStmt, ast.SampleStmt)))
    return list(dict.fromkeys(targets))


def contains(stmts: Sequence[ast.Stmt], *kinds: type[ast.Stmt]) -> bool:
    return any(isinstance(s, kinds) for s in every(stmts))


def execute(cx: Context, block: ast.Block) -> None:
    for stmt in block.stmts:
        statements.statement(cx, stmt)


def run(cx: Context, stmts: Sequence[ast.Stmt], span: Span, what: str) -> Operand:
    """The value that a body returns. Where an `if` returns early, the rest of the body is its other branch."""
    result = _tail(cx, stmts)
    if result is None:
        return Operand(
            cx.error("E221", f"{what} does not return a value on every path", span, hints=("end it with `return e`",)),
            span,
        )
    return result


def _tail(cx: Context, stmts: Sequence[ast.Stmt]) -> Operand | None:
    for k, stmt in enumerate(stmts):
        rest = stmts[k + 1 :]
        if isinstance(stmt, ast.ReturnStmt):
            value = expressions.operand(cx, stmt.value)
            _unreached(cx, rest, stmt)
            return value
        if isinstance(stmt, ast.IfStmt) and contains([stmt], ast.ReturnStmt):
            if _returns(stmt):
                _unreached(cx, rest, stmt)
                rest = ()
            return _branches(cx, stmt.branches, stmt.other, rest, stmt.span)
        statements.statement(cx, stmt)
    return None


def _unreached(cx: Context, rest: Sequence[ast.Stmt], after: ast.Stmt) -> None:
    if rest:
        cx.error("E221", "nothing after `return` is reached", rest[0].span, ((after.span, "returns here"),))


def _returns(stmt: ast.Stmt) -> bool:
    """Whether a statement returns on every path."""
    if isinstance(stmt, ast.ReturnStmt):
        return True
    if isinstance(stmt, ast.IfStmt) and stmt.other is not None:
        return all(any(_returns(s) for s in block.stmts) for block in nested(stmt))
    return False


def _branches(
    cx: Context,
    branches: Sequence[tuple[ast.Expr, ast.Block]],
    other: ast.Block | None,
    rest: Sequence[ast.Stmt],
    span: Span,
) -> Operand | None:
    (test, block), *more = branches
    cond = condition(cx, expressions.operand(cx, test), "what follows `if`")
    fixed = cond.static if isinstance(cond, Num) and cond.constant else None
    before = len(cx.diagnostics)
    then, then_frame = _side(cx, [*block.stmts, *([] if any(map(_returns, block.stmts)) else rest)])
    choice.mute(cx, before, fixed is False)
    before = len(cx.diagnostics)
    if more:
        with cx.builder.inside() as other_frame, cx.block("if"):
            last = _branches(cx, more, other, rest, span)
    else:
        stmts = other.stmts if other is not None else ()
        last, other_frame = _side(cx, [*stmts, *([] if any(map(_returns, stmts)) else rest)])
    choice.mute(cx, before, fixed is True)
    if then is None or last is None:
        return None
    if fixed is not None and isinstance((last if fixed else then).value, Poison):
        choice.hoist(cx, [then_frame if fixed else other_frame])
        return then if fixed else last
    target = unify(cx, then, last, "every `return` must give a value of one type", last.span)
    if target is None or isinstance(cond, Poison):
        return Operand(POISON, span)
    sides = []
    for side, frame in ((then, then_frame), (last, other_frame)):
        with cx.builder.into(frame):
            sides.append(convert(cx, side.value, target, side.span))  # type: ignore[arg-type]
    a, b = sides
    if isinstance(a, Poison) or isinstance(b, Poison):
        return Operand(POISON, span)
    return Operand(choice.choose(cx, cond, a, then_frame, b, other_frame, span), then.span)


def _side(cx: Context, stmts: Sequence[ast.Stmt]) -> tuple[Operand | None, Frame]:
    with cx.builder.inside() as frame, cx.block("if"):
        return _tail(cx, stmts), frame
