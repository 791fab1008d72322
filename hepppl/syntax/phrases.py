"""How expressions, types and the heads of statements are written: documents for `pretty.render`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from hepppl.syntax import ast
from hepppl.syntax.pretty import HARD, SOFT, SPACE, Doc, Group, IfBroken, Line, Nest

_LEVELS = {"or": 0, "and": 1, "+": 2, "-": 2, "*": 3, "/": 3, "%": 3, "^": 4}


class Comments:
    """The comments not yet printed, in order. Each is taken once, by the first place that can show it."""

    def __init__(self, comments: Sequence[ast.Comment]):
        self.pending = list(comments)[::-1]

    def any_before(self, offset: int) -> bool:
        return bool(self.pending) and self.pending[-1].span.start < offset

    def before(self, offset: int) -> list[ast.Comment]:
        """Take those that begin before an offset."""
        taken = []
        while self.any_before(offset):
            taken.append(self.pending.pop())
        return taken

    def beside(self, offset: int, until: int) -> ast.Comment | None:
        """Take the one that follows an offset on its line, if it begins before ``until``."""
        comment = next((c for c in reversed(self.pending) if c.span.start >= offset), None)
        if comment is None or comment.own_line or comment.span.start >= until:
            return None
        if "\n" in comment.span.source.text[offset : comment.span.start]:
            return None
        self.pending.remove(comment)
        return comment


class Phrases:
    """Writes nodes that hold no block, taking the comments inside them along."""

    def __init__(self, comments: Comments):
        self.comments = comments

    # ------------------------------------------------------------ expressions

    def expr(self, node: ast.Expr, free: bool = False) -> Doc:
        """An expression. ``free`` inside round and square brackets, where a line may end anywhere."""
        match node:
            case ast.Number():
                return node.text
            case ast.Quantity():
                return f"{node.number.text} {_factor(node.unit.name, node.unit.power)}"
            case ast.Name():
                return node.name
            case ast.String():
                return f'"{node.value}"'
            case ast.Bool():
                return "true" if node.value else "false"
            case ast.Paren():
                return Group(("(", Nest((SOFT, self.expr(node.inner, True))), SOFT, ")"))
            case ast.Unary():
                return (node.op + " " * (node.op == "not"), self.expr(node.operand, free))
            case ast.Binary():
                return self._binary(node, free)
            case ast.Compare():
                docs = [self.expr(operand, free) for operand in node.operands]
                return _chain(docs, node.ops, free)
            case ast.IfExpr():
                cond, then, other = (self.expr(part, free) for part in (node.cond, node.then, node.other))
                if free:
                    return Group(("if ", cond, SPACE, "then ", then, SPACE, "else ", other))
                return Group(("if ", cond, " then ", then, Nest((SPACE, "else ", other))))  # that line end never counts
            case ast.Lambda():
                return (f"{node.param} -> ", self.expr(node.body, free))
            case ast.Call():
                return (self.expr(node.func, free), self.sequence("(", node.args, ")", node.span.end, self.arg))
            case ast.Index():
                lay: Callable[[Any], Doc] = self._index
                return (self.expr(node.base, free), self.sequence("[", node.indices, "]", node.span.end, lay, ""))
            case ast.Attr():
                blank = " " if isinstance(node.base, ast.Number) else ""  # "3.x" would be 3 of the unit x
                return (self.expr(node.base, free), f"{blank}.{node.name}")
            case ast.Record():
                return self.sequence("(", node.fields, ")", node.span.end, self.arg)
            case ast.ArrayLit():
                return self.sequence("[", node.items, "]", node.span.end, lambda e: self.expr(e, True))
            case ast.Comprehension():
                body, span = self.expr(node.body, True), self.span(node.low, node.high, True)
                return Group(("[", Nest((SOFT, body, SPACE, f"for {node.var} in ", span)), SOFT, "]"))
        raise TypeError(f"no layout for {type(node).__name__}")

    def _binary(self, node: ast.Binary, free: bool) -> Doc:
        if node.op == "^":
            return (self.expr(node.left, free), "^", self.expr(node.right, free))
        operands, ops = [node.right], [node.op]
        left = node.left
        while isinstance(left, ast.Binary) and _LEVELS[left.op] == _LEVELS[node.op]:
            operands.append(left.right)
            ops.append(left.op)
            left = left.left
        docs = [self.expr(operand, free) for operand in (left, *reversed(operands))]  # in the order of the text
        return _chain(docs, ops[::-1], free)

    def _index(self, node: ast.Expr | ast.Slice) -> Doc:
        return self.span(node.low, node.high, True) if isinstance(node, ast.Slice) else self.expr(node, True)

    def span(self, low: ast.Expr | None, high: ast.Expr | None, free: bool = False) -> Doc:
        """``low..high``, with blanks where a point of a number would run into the two."""
        before = self.expr(low, free) if low is not None else ""
        after = self.expr(high, free) if high is not None else ""
        close = (low is not None and _ends_in_point(low)) or (high is not None and _begins_with_point(high))
        return (before, " .. " if close else "..", after)

    def arg(self, node: ast.Arg) -> Doc:
        value = self.expr(node.value, True)
        return value if node.name is None else (f"{node.name} = ", value)

    def sequence(
        self, opening: str, nodes: Sequence[Any], closing: str, end: int, lay: Callable[[Any], Doc], last: str = ","
    ) -> Doc:
        """Elements between brackets, the last of which ends at the offset ``end``: on one line, or on one each."""
        if not nodes:
            return opening + closing
        if not self.comments.any_before(end):
            docs = [lay(node) for node in nodes]
            parts: list[Doc] = [docs[0]]
            for doc in docs[1:]:
                parts += [",", SPACE, doc]
            return Group((opening, Nest((SOFT, *parts, IfBroken(last))), SOFT, closing))
        rows: list[Doc] = []
        commented = True  # whether the last row has its comment, or is one
        for i, node in enumerate(nodes):
            commented = self._comment_rows(rows, node.span.start, commented)
            rows.append((lay(node), "," if i + 1 < len(nodes) else last))
            commented = False
        self._comment_rows(rows, end, commented)
        return (opening, Nest(tuple((HARD, row) for row in rows)), HARD, closing)

    def _comment_rows(self, rows: list[Doc], until: int, commented: bool) -> bool:
        for comment in self.comments.before(until):
            if commented or comment.own_line:
                rows.append(comment.text)
            else:
                rows[-1] = (rows[-1], f"  {comment.text}")
            commented = True
        return commented

    # ------------------------------------------------------------ types

    def type(self, node: ast.TypeExpr) -> Doc:
        unit = f"<{unit_text(node.unit)}>" if node.unit is not None else ""
        lengths: list[Doc] = []
        for length in node.lengths:
            lengths += ["[", self.expr(length, True) if length is not None else "", "]"]
        return (node.name, unit, *lengths)

    def typed(self, node: ast.TypeExpr | None) -> Doc:
        return (": ", self.type(node)) if node is not None else ""

    # ------------------------------------------------------------ statements without a block, and heads of blocks

    def head(self, node: ast.Node) -> Doc:
        e = self.expr
        match node:
            case ast.ParamStmt():
                support: Doc = (" in ", self._interval(node.support)) if node.support is not None else ""
                prior: Doc = (" ~ ", e(node.prior)) if node.prior is not None else ""
                return (f"param {node.name}", self.typed(node.type), support, prior, self._default(node.default))
            case ast.DataStmt():
                return (f"data {node.name}", self.typed(node.type), self._default(node.default))
            case ast.ConstStmt():
                return (f"const {node.name}", self.typed(node.type), " = ", e(node.value))
            case ast.NetStmt():
                return (f"net {node.name}: ", e(node.call))
            case ast.ObserveStmt():
                return ("observe ", self._target(node.target), " ~ ", e(node.dist))
            case ast.SampleStmt():
                limit: Doc = (" limit ", e(node.limit)) if node.limit is not None else ""
                return (self._target(node.target), " ~ ", e(node.dist), limit, self._estimator(node.by))
            case ast.AssignStmt():
                return (self._target(node.target), " = ", e(node.value))
            case ast.ForStmt():
                return (f"for {node.var} in ", self.span(node.low, node.high))
            case ast.PlateStmt():
                return (f"plate {node.var} in ", self.span(node.low, node.high))
            case ast.WhileStmt():
                return ("while ", e(node.cond), " limit ", e(node.limit))
            case ast.SpawnStmt():
                return ("spawn ", e(node.call))
            case ast.EmitStmt():
                return ("emit ", e(node.value))
            case ast.WeightStmt():
                return ("weight ", e(node.value))
            case ast.RequireStmt():
                return ("require ", e(node.cond))
            case ast.ReturnStmt():
                return ("return ", e(node.value))
        return self._item(node)

    def _item(self, node: ast.Node) -> Doc:
        match node:
            case ast.ImportItem():
                return f'import "{node.path}"' + (f" as {node.alias}" if node.alias is not None else "")
            case ast.UnitItem():
                return (f"unit {node.name} = ", self.expr(node.value))
            case ast.TypeItem():
                return (f"type {node.name} ", self._fields(node))
            case ast.FnItem():
                short: Doc = (" = ", self.expr(node.body)) if isinstance(node.body, ast.Expr) else ""
                return (f"fn {node.name}", self._formals(node.formals, node), self._result(node.returns), short)
            case ast.ExternItem():
                return (f"extern fn {node.name}", self._formals(node.formals, node), self._result(node.returns))
            case ast.ProcessItem():
                return (f"process {node.name}", self._formals(node.formals, node))
            case ast.ModelItem():
                return f"model {node.name}"
        raise TypeError(f"no layout for {type(node).__name__}")

    def _default(self, value: ast.Expr | None) -> Doc:
        return (" = ", self.expr(value)) if value is not None else ""

    def _interval(self, node: ast.Interval) -> Doc:
        ends = (self.expr(node.low, True), ", ", self.expr(node.high, True))
        return ("[" if node.low_closed else "(", *ends, "]" if node.high_closed else ")")

    def _target(self, node: ast.Target) -> Doc:
        indices: list[Doc] = []
        for index in node.indices:
            indices += ["[", self.expr(index, True), "]"]
        return (node.name, *indices)

    def _estimator(self, node: ast.EstimatorRef | None) -> Doc:
        if node is None:
            return ""
        args = self.sequence("(", node.args, ")", node.span.end, self.arg) if node.args else ""
        return (f" by {node.name}", args)

    def _result(self, node: ast.TypeExpr | None) -> Doc:
        return (" -> ", self.type(node)) if node is not None else ""

    def _formals(self, formals: Sequence[ast.Formal], node: ast.Node) -> Doc:
        end = formals[-1].span.end if formals else node.span.start
        # A comment after the last one, before the bracket, still belongs to it.
        end = node.span.source.text.find(")", end) if formals else end
        return self.sequence("(", formals, ")", end, self._formal)

    def _formal(self, node: ast.Formal) -> Doc:
        default: Doc = (" = ", self.expr(node.default, True)) if node.default is not None else ""
        return (node.name, self.typed(node.type), default)

    def _fields(self, node: ast.TypeItem) -> Doc:
        """Between braces a line end separates as well as a comma."""
        if not node.fields and not self.comments.any_before(node.span.end):
            return "{ }"
        if not self.comments.any_before(node.span.end):
            parts: list[Doc] = []
            for i, field in enumerate(node.fields):
                parts += [Line(", ") if i else "", field.name, self.typed(field.type)]
            return Group(("{", Nest((SPACE, *parts)), SPACE, "}"))
        rows: list[Doc] = []
        commented = True
        for field in node.fields:
            commented = self._comment_rows(rows, field.span.start, commented)
            rows.append((field.name, self.typed(field.type)))
            commented = False
        self._comment_rows(rows, node.span.end, commented)
        return ("{", Nest(tuple((HARD, row) for row in rows)), HARD, "}")


def unit_text(unit: ast.UnitExpr) -> str:
    """``GeV/mm``, ``1/mm``, ``1``."""
    out = ""
    for factor in unit.factors:
        over = factor.power < 0
        sign = ("/" if over else "*") if out else ("1/" if over else "")
        out += sign + _factor(factor.name, abs(factor.power))
    return out or "1"


def _factor(name: str, power: int) -> str:
    return name if power == 1 else f"{name}^{power}"


def _chain(docs: list[Doc], ops: Sequence[str], free: bool) -> Doc:
    """Operands with operators between; where a line may end, it ends before an operator."""
    parts: list[Doc] = [docs[0]]
    for op, doc in zip(ops, docs[1:]):
        parts += [SPACE if free else " ", f"{op} ", doc]
    return Group(tuple(parts)) if free else tuple(parts)


def _ends_in_point(node: ast.Expr) -> bool:
    return node.span.text.endswith(".")


def _begins_with_point(node: ast.Expr) -> bool:
    return node.span.text.startswith(".")
