"""The abstract syntax tree: frozen dataclasses that keep what the author wrote, with a span each.

Parentheses are kept (`Paren`) and units are kept as written, so that the printer can give the text back. Comments are
kept beside the tree, in `File.comments`, by position.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from hepppl.diagnostics import Span


@dataclass(frozen=True)
class Node:
    span: Span


# ---------------------------------------------------------------- expressions


@dataclass(frozen=True)
class Expr(Node):
    pass


@dataclass(frozen=True)
class Number(Expr):
    text: str  # as written: "1_000", "2.5e3"
    value: int | float  # int where the text has neither point nor exponent


@dataclass(frozen=True)
class UnitFactor(Node):
    name: str
    power: int = 1  # already negative after a "/"


@dataclass(frozen=True)
class UnitExpr(Node):
    factors: tuple[UnitFactor, ...]  # "GeV/mm" is (GeV, 1), (mm, -1); "1/mm" is (mm, -1); empty is dimensionless


@dataclass(frozen=True)
class Quantity(Expr):
    number: Number
    unit: UnitFactor  # only the unit that touches the number: `5 GeV/mm` is Binary("/", Quantity(5 GeV), Name(mm))


@dataclass(frozen=True)
class Name(Expr):
    name: str  # NFKC-normalised


@dataclass(frozen=True)
class String(Expr):
    value: str


@dataclass(frozen=True)
class Bool(Expr):
    value: bool


@dataclass(frozen=True)
class Paren(Expr):
    inner: Expr


@dataclass(frozen=True)
class Unary(Expr):
    op: str  # "-", "+", "not"
    operand: Expr


@dataclass(frozen=True)
class Binary(Expr):
    op: str  # + - * / % ^ and or
    op_span: Span
    left: Expr
    right: Expr


@dataclass(frozen=True)
class Compare(Expr):
    operands: tuple[Expr, ...]  # a < b < c has three operands and two ops
    ops: tuple[str, ...]  # < <= > >= == !=
    op_spans: tuple[Span, ...]


@dataclass(frozen=True)
class IfExpr(Expr):
    cond: Expr
    then: Expr
    other: Expr


@dataclass(frozen=True)
class Lambda(Expr):
    param: str
    param_span: Span
    body: Expr


@dataclass(frozen=True)
class Arg(Node):
    name: str | None
    name_span: Span | None
    value: Expr


@dataclass(frozen=True)
class Call(Expr):
    func: Expr  # nearly always a Name
    args: tuple[Arg, ...]


@dataclass(frozen=True)
class Slice(Node):
    low: Expr | None
    high: Expr | None


@dataclass(frozen=True)
class Index(Expr):
    base: Expr
    indices: tuple[Expr | Slice, ...]


@dataclass(frozen=True)
class Attr(Expr):
    base: Expr
    name: str
    name_span: Span


@dataclass(frozen=True)
class Record(Expr):
    fields: tuple[Arg, ...]  # each named


@dataclass(frozen=True)
class ArrayLit(Expr):
    items: tuple[Expr, ...]


@dataclass(frozen=True)
class Comprehension(Expr):
    body: Expr
    var: str
    var_span: Span
    low: Expr
    high: Expr


# ---------------------------------------------------------------- types


@dataclass(frozen=True)
class TypeExpr(Node):
    name: str
    unit: UnitExpr | None  # real<GeV/mm>
    lengths: tuple[Expr | None, ...]  # real[3][n]; None for an empty [ ]


# ---------------------------------------------------------------- statements


@dataclass(frozen=True)
class Stmt(Node):
    pass


@dataclass(frozen=True)
class Interval(Node):
    low: Expr
    high: Expr
    low_closed: bool
    high_closed: bool


@dataclass(frozen=True)
class EstimatorRef(Node):
    name: str
    args: tuple[Arg, ...]


@dataclass(frozen=True)
class Target(Node):
    name: str
    name_span: Span
    indices: tuple[Expr, ...]


@dataclass(frozen=True)
class ParamStmt(Stmt):
    name: str
    name_span: Span
    type: TypeExpr | None
    support: Interval | None
    prior: Expr | None
    default: Expr | None


@dataclass(frozen=True)
class DataStmt(Stmt):
    name: str
    name_span: Span
    type: TypeExpr
    default: Expr | None


@dataclass(frozen=True)
class ConstStmt(Stmt):  # also an item
    name: str
    name_span: Span
    type: TypeExpr | None
    value: Expr


@dataclass(frozen=True)
class NetStmt(Stmt):
    name: str
    name_span: Span
    call: Call


@dataclass(frozen=True)
class ObserveStmt(Stmt):
    target: Target
    dist: Expr


@dataclass(frozen=True)
class SampleStmt(Stmt):
    target: Target
    dist: Expr
    limit: Expr | None
    by: EstimatorRef | None


@dataclass(frozen=True)
class AssignStmt(Stmt):
    target: Target
    value: Expr


@dataclass(frozen=True)
class Block(Node):
    stmts: tuple[Stmt, ...]


@dataclass(frozen=True)
class IfStmt(Stmt):
    branches: tuple[tuple[Expr, Block], ...]  # if, else if, …
    other: Block | None


@dataclass(frozen=True)
class ForStmt(Stmt):
    var: str
    var_span: Span
    low: Expr
    high: Expr
    body: Block


@dataclass(frozen=True)
class WhileStmt(Stmt):
    cond: Expr
    limit: Expr
    body: Block


@dataclass(frozen=True)
class PlateStmt(Stmt):
    var: str
    var_span: Span
    low: Expr
    high: Expr
    body: Block


@dataclass(frozen=True)
class SpawnStmt(Stmt):
    call: Call


@dataclass(frozen=True)
class EmitStmt(Stmt):
    value: Expr


@dataclass(frozen=True)
class WeightStmt(Stmt):
    value: Expr


@dataclass(frozen=True)
class RequireStmt(Stmt):
    cond: Expr


@dataclass(frozen=True)
class ReturnStmt(Stmt):
    value: Expr


# ---------------------------------------------------------------- items


@dataclass(frozen=True)
class Item(Node):
    pass


@dataclass(frozen=True)
class Formal(Node):
    name: str
    type: TypeExpr | None
    default: Expr | None


@dataclass(frozen=True)
class Field(Node):
    name: str
    type: TypeExpr


@dataclass(frozen=True)
class ImportItem(Item):
    path: str
    path_span: Span
    alias: str | None
    alias_span: Span | None


@dataclass(frozen=True)
class UnitItem(Item):
    name: str
    name_span: Span
    value: Expr


@dataclass(frozen=True)
class TypeItem(Item):
    name: str
    name_span: Span
    fields: tuple[Field, ...]


@dataclass(frozen=True)
class FnItem(Item):
    name: str
    name_span: Span
    formals: tuple[Formal, ...]
    returns: TypeExpr | None
    body: Expr | Block


@dataclass(frozen=True)
class ExternItem(Item):
    name: str
    name_span: Span
    formals: tuple[Formal, ...]
    returns: TypeExpr


@dataclass(frozen=True)
class ProcessItem(Item):
    name: str
    name_span: Span
    formals: tuple[Formal, ...]
    body: Block


@dataclass(frozen=True)
class ModelItem(Item):
    name: str
    name_span: Span
    body: Block


@dataclass(frozen=True)
class Comment:
    span: Span
    text: str  # from the "#"
    own_line: bool  # nothing but blanks before it


@dataclass(frozen=True)
class File(Node):
    items: tuple[Item | ConstStmt, ...]
    comments: tuple[Comment, ...]
    #: The files that it imports, by the path as written; None until `hepppl.syntax.link` has read them.
    imported: Mapping[str, File] | None = field(default=None, compare=False)
