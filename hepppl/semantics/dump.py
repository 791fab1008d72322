"""The typed program as text: `hepppl dump --stage typed`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hepppl.semantics.dims import readable_unit
from hepppl.semantics.ir import Dist, Node, Param, Program, Region, Value
from hepppl.semantics.types import CollectionType, Tensor


def dump(program: Program) -> str:
    """A program in readable SSA form: one line a node, regions indented, types and base units at every value."""
    lines = [f"model {program.name}"]
    for param in program.params:
        lines.append("  " + _param(param))
    for data in program.data:
        default = "" if data.default is None else f" = {_number(data.default)}"
        lines.append(f"  data {data.name}: {_type(data.value.type)}{default}")
    lines += ["", *_region(program.body, "  ")]
    for output in program.outputs:
        word = "observed" if output.observed else "output"
        lines.append(f"  {word} {output.name} = {_value(output.value)}: {_type(output.value.type)}")
    for process in program.processes.values():
        formals = ", ".join(_declared(v) for v in process.formals)
        emits = ", ".join(f"{name}: {_type(t)}" if name else _type(t) for name, t in process.fields)
        lines += ["", f"process {process.key}({formals}) emits ({emits})", *_region(process.body, "  ")]
    return "\n".join(lines) + "\n"


def _type(t: Tensor | CollectionType) -> str:
    if isinstance(t, CollectionType):
        return "collection(" + ", ".join(f"{n}: {_type(f)}" if n else _type(f) for n, f in t.fields) + ")"
    unit = f"<{readable_unit(t.dim)}>" if not t.dim.dimensionless else ""
    return t.kind + unit + "".join(f"[{n}]" for n in t.shape)


def _value(v: Value) -> str:
    return f"%{v.id}"


def _declared(v: Value) -> str:
    return f"{_value(v)}{' ' + v.name if v.name else ''}: {_type(v.type)}"


def _number(x: Any) -> str:
    if isinstance(x, tuple):
        shown = ", ".join(_number(v) for v in x[:8])
        return f"[{shown}{', …' if len(x) > 8 else ''}]"
    if isinstance(x, bool):
        return "true" if x else "false"
    return repr(x)


def _param(p: Param) -> str:
    support = ""
    if p.support is not None:
        s = p.support
        support = f" in {'[' if s.low_closed else '('}{s.low!r}, {s.high!r}{']' if s.high_closed else ')'}"
    prior = f" ~ {_prior(p.prior)}" if p.prior is not None else ""
    default = "" if p.default is None else f" = {_number(p.default)}"
    return f"param {p.name}: {_type(p.value.type)}{support}{prior}{default}"


def _prior(region: Region) -> str:
    """The prior on one line, what its arguments are computed from written into it."""
    shown: dict[Value, str] = {}
    for node in region.nodes:
        inputs = [shown.get(v, v.name or _value(v)) for v in node.inputs]
        if node.op == "site":
            return _dist(node.attrs["dist"], inputs)
        text = _number(node.attrs["value"]) if node.op == "const" else f"{node.op}({', '.join(inputs)})"
        shown.update(dict.fromkeys(node.results, text))
    raise AssertionError("a prior ends in a site")


def _dist(d: Dist, inputs: list[str]) -> str:
    def shown(arg: int | Dist | tuple[Dist, ...]) -> str:
        if isinstance(arg, Dist):
            return _dist(arg, inputs)
        if isinstance(arg, tuple):
            return "[" + ", ".join(_dist(a, inputs) for a in arg) + "]"
        return inputs[arg]

    return f"{d.name}({', '.join(f'{name} = {shown(arg)}' for name, arg in d.args)})"


def _region(region: Region, indent: str) -> Iterator[str]:
    for node in region.nodes:
        yield from _node(node, indent)


def _node(node: Node, indent: str) -> Iterator[str]:
    results = ", ".join(_declared(v) for v in node.results)
    yield indent + (f"{results} = " if results else "") + _what(node)
    names = {"branch": ("then", "else"), "while": ("cond", "body")}.get(node.op, ("",))
    for name, region in zip(names, node.regions, strict=False):
        params = ", ".join(_declared(v) for v in region.params)
        yield f"{indent}  {name}{' ' if name and params else ''}{f'({params})' if params else ''}:"
        yield from _region(region, indent + "    ")
        if region.results:
            yield f"{indent}    -> {', '.join(map(_value, region.results))}"


def _what(node: Node) -> str:
    inputs = [_value(v) for v in node.inputs]
    attrs = dict(node.attrs)
    if node.op == "const":
        return f"const {_number(attrs['value'])}"
    if node.op == "site":
        by = attrs["by"]
        options = f"({', '.join(f'{k} = {v!r}' for k, v in by.options)})" if by is not None and by.options else ""
        chosen = f" by {by.name}{options}" if by is not None else ""
        seen = " observed" if attrs["observed"] else ""
        return f"site #{attrs['number']} {attrs['name']} ~ {_dist(attrs['dist'], inputs)}{chosen}{seen}"
    if node.op == "process":
        call = f"{attrs['process']}({', '.join(inputs)})"
        return f"process #{attrs['number']} {attrs['name']} ~ {call} limit {attrs['limit']}"
    if node.op == "spawn":
        return f"spawn {attrs['process']}({', '.join(inputs)})"
    if node.op in ("for", "plate"):
        return f"{node.op} {attrs['start']}..{attrs['stop']} ({', '.join(inputs)})"
    if node.op in ("param", "data"):
        return f"{node.op} {attrs['name']}"
    extra = "".join(f" {k}={_number(v) if not isinstance(v, str) else v}" for k, v in attrs.items())
    return f"{node.op}{extra}{' ' if inputs else ''}{', '.join(inputs)}"
