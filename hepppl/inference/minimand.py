"""What `optimize` minimises: a function of expected outputs, given as Python or as an expression of the language."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp

from hepppl.diagnostics import Diagnostic, Source, Span
from hepppl.diagnostics.errors import HepError, HepValueError
from hepppl.diagnostics.suggest import nearest
from hepppl.semantics.types import Tensor

if TYPE_CHECKING:
    from hepppl.model import Model

#: What an expected output is called in an expression: ``E[depth]``.
EXPECTED = "E"
Values = Mapping[str, Any]


def shapes(model: Model) -> dict[str, tuple[int, ...]]:
    """The outputs that have expectations, with their shapes: those of a fixed number of elements."""
    types = {output.name: output.value.type for output in model.program.outputs}
    return {name: kind.shape for name, kind in types.items() if isinstance(kind, Tensor)}


class _Expected(dict[str, Any]):
    """What a Python objective is called with."""

    def __missing__(self, name: str) -> Any:
        raise HepValueError(_unknown(name, list(self)))


def _unknown(name: str, known: Sequence[str], span: Span | None = None) -> Diagnostic:
    near = nearest(name, known)
    hint = f"did you mean '{near}'?" if near else f"it has: {', '.join(known) or 'none of a fixed shape'}"
    return Diagnostic("E490", f"the model has no expected output '{name}'", span, hints=(hint,))


@dataclass(frozen=True, eq=False)
class PythonObjective:
    """``fn``: from the expected outputs (base units) to a number, by operations that JAX can differentiate."""

    fn: Callable[[Values], Any]
    shapes: Mapping[str, tuple[int, ...]]
    unit: str = ""
    text: str = ""

    def check(self) -> None:
        """Raises `HepValueError` (E490 unknown output, E491 not a number that JAX can differentiate)."""
        point = {name: jax.ShapeDtypeStruct(shape, jnp.float32) for name, shape in self.shapes.items()}
        try:
            out = jax.eval_shape(self._number, point)
        except HepError:
            raise
        except Exception as error:
            message = f"the objective is no function that JAX can follow: {str(error).splitlines()[0]}"
            raise HepValueError(Diagnostic("E491", message)) from error
        if out.shape != () or not jnp.issubdtype(out.dtype, jnp.floating):
            raise HepValueError(Diagnostic("E491", f"the objective is a real number, found {out.dtype}{out.shape}"))

    def _number(self, expected: Values) -> Any:
        return jnp.asarray(self.fn(_Expected(expected)))

    def __call__(self, expected: Values) -> tuple[Any, Values]:
        """The objective, and its derivatives with respect to every expected output."""
        return jax.value_and_grad(self._number)({name: jnp.asarray(expected[name]) for name in self.shapes})


@dataclass(frozen=True, eq=False)
class WrittenObjective:
    """An expression, as a model of the language whose parameters are the expected outputs that it uses."""

    model: Model
    text: str

    @property
    def unit(self) -> str:
        return self.model.units["value"]

    @cached_property
    def _compiled(self) -> Any:
        return self.model.compile()

    def __call__(self, expected: Values) -> tuple[Any, Values]:
        """As `PythonObjective`; outputs that the expression does not use are left out."""
        point = {f"{EXPECTED}[{name}]": value for name, value in expected.items()}
        point = {name: value for name, value in point.items() if name in self.model.params}
        value, slopes = self._compiled.value_and_grad(0, point, 1)
        return value["value"], {name[len(EXPECTED) + 1 : -1]: slope for name, slope in slopes["value"].items()}


def objective(model: Model, minimize: Callable[[Values], Any] | str) -> PythonObjective | WrittenObjective:
    """Raises `HepValueError` (E490, E491), and what the language says of an expression."""
    if isinstance(minimize, str):
        return WrittenObjective(_written(model, minimize), minimize)
    if not callable(minimize):
        message = f"the objective is a function or a text, found {type(minimize).__name__}"
        raise HepValueError(Diagnostic("E491", message))
    found = PythonObjective(minimize, shapes(model))
    found.check()
    return found


# ---------------------------------------------------------------- expressions


def _written(model: Model, text: str) -> Model:
    """A model of its own behind the program's text, so that constants, functions and units of the program are known."""
    from hepppl.model import Model
    from hepppl.semantics import check
    from hepppl.syntax import link, parse

    known = shapes(model)
    source = model.file.span.source
    head = "".join(f"param expected_{i}: {_type(model, name)}\n" for i, name in enumerate(known))
    before = f"{source.text}\nmodel objective {{\n{head}return ("
    whole = Source(source.name, f"{before}{text}\n)\n}}\n", source.folder)
    place = _Place(whole, len(before), len(before) + len(text), Source("the objective", text))
    try:
        file = parse(whole)
        last = file.items[-1]
        items = tuple(i for i in file.items if type(i) is not type(last))
        used: dict[str, Any] = {}
        wrong: list[Diagnostic] = []
        last = _named(last, known, used, wrong)
        if wrong:
            raise HepValueError(wrong)
        if not used:
            names = ", ".join(f"{EXPECTED}[{name}]" for name in known)
            message = "the objective depends on no expected output"
            raise HepValueError(Diagnostic("E491", message, last.span, hints=(f"there is: {names or 'none'}",)))
        params = [s for s in last.body.stmts if hasattr(s, "support")]  # the others, unused, stay out
        kept = [replace(s, name=f"{EXPECTED}[{n}]") for s, n in zip(params, known, strict=True) if n in used]
        last = replace(last, body=replace(last.body, stmts=(*kept, last.body.stmts[-1])))
        found = link(replace(file, items=(*items, last)))
        program = check(found, "objective")
    except HepError as error:
        raise type(error)([place.moved(d) for d in error.diagnostics]) from None
    kinds = {output.name: output.value.type for output in program.outputs}
    value = kinds.get("value")
    if len(kinds) != 1 or not isinstance(value, Tensor) or value.shape or value.kind != "real":
        raise HepValueError(Diagnostic("E491", "the objective is not a real number", Span(place.own, 0, len(text))))
    return Model(program, found)


def _type(model: Model, name: str) -> str:
    unit = model.units[name].replace("*", " * ")
    lengths = "".join(f"[{length}]" for length in shapes(model)[name])
    return ("real" if not unit else f"real<{unit.replace(' ', '')}>") + lengths


def _named(node: Any, known: Mapping[str, Any], used: dict[str, Any], wrong: list[Diagnostic]) -> Any:
    """The tree with ``E[depth]`` as one name."""
    from hepppl.syntax import ast

    if isinstance(node, tuple):
        return tuple(_named(item, known, used, wrong) for item in node)
    if not is_dataclass(node) or isinstance(node, Span | type):
        return node
    if isinstance(node, ast.Index) and isinstance(node.base, ast.Name) and node.base.name == EXPECTED:
        name = _path(node.indices[0]) if len(node.indices) == 1 else None
        if name is None or name not in known:
            wrong.append(_unknown(name or node.span.text, list(known), node.span))
        used[name or ""] = None
        return ast.Name(node.span, f"{EXPECTED}[{name}]")
    changed = {f.name: _named(getattr(node, f.name), known, used, wrong) for f in fields(node)}
    return replace(node, **changed)


def _path(index: Any) -> str | None:
    """``a.b`` of a name or of a field of a field."""
    from hepppl.syntax import ast

    if isinstance(index, ast.Name):
        return index.name
    if isinstance(index, ast.Attr):
        base = _path(index.base)
        return None if base is None else f"{base}.{index.name}"
    return None


@dataclass(frozen=True, eq=False)
class _Place:
    """Where the expression stands in the text that is checked: what is said of it is said of it alone."""

    whole: Source
    start: int
    end: int
    own: Source

    def moved(self, d: Diagnostic) -> Diagnostic:
        labels = tuple(replace(label, span=self._span(label.span)) for label in d.labels if self._holds(label.span))
        return replace(d, span=None if d.span is None else self._span(d.span), labels=labels)

    def _holds(self, span: Span) -> bool:
        return span.source is not self.whole or self.start <= span.start <= self.end

    def _span(self, span: Span) -> Span:
        if span.source is not self.whole:
            return span
        low, high = (min(max(at, self.start), self.end) - self.start for at in (span.start, span.end))
        return Span(self.own, low, high)
