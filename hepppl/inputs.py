"""What the caller gives: parameter values, data, how many events, which seed. Checked, and in base units."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hepppl.diagnostics import Diagnostic, Label
from hepppl.diagnostics.errors import HepError, HepValueError
from hepppl.diagnostics.suggest import nearest
from hepppl.semantics.dims import readable_unit
from hepppl.semantics.types import Tensor
from hepppl.semantics.units import parse_quantity

if TYPE_CHECKING:
    from hepppl.semantics.ir import Data, Param, Program, Support
    from hepppl.semantics.types import Dim

SEEDS = 2**64


@dataclass(frozen=True)
class ParamInfo:
    """A parameter of a model. ``default`` in base units, None where the caller must give a value; ``unit`` is the base
    unit; ``prior`` the text of its prior distribution, or None."""

    name: str
    default: Any
    support: Support | None
    unit: str
    prior: str | None
    shape: tuple[int, ...] = ()


def param_info(param: Param) -> ParamInfo:
    site = param.prior.nodes[-1] if param.prior is not None else None
    prior = site.span.text.strip() if site is not None else None
    tensor = tensor_of(param)
    return ParamInfo(param.name, param.default, param.support, readable_unit(tensor.dim), prior, tensor.shape)


def tensor_of(declared: Param | Data) -> Tensor:
    """Its type: parameters and data are numbers or arrays of them."""
    kind = declared.value.type
    assert isinstance(kind, Tensor)
    return kind


def interval(support: Support) -> str:
    low, high = ("[" if support.low_closed else "("), ("]" if support.high_closed else ")")
    return f"{low}{support.low:g}, {support.high:g}{high}"


def param_values(program: Program, given: Mapping[str, Any]) -> dict[str, Any]:
    """Every parameter's value: what is given (numbers in base units, or texts such as ``"20cm"``), else its default.

    All that is wrong is reported at once: unknown names (E451), values that cannot be read or lie outside the support
    (E452), parameters without any value (E455).
    """
    diagnostics = _unknown(given, [p.name for p in program.params], "parameter", "E451")
    values: dict[str, Any] = {}
    for param in program.params:
        try:
            values[param.name] = param_value(param, given[param.name]) if param.name in given else _default(param)
        except HepError as error:
            diagnostics.extend(error.diagnostics)
    if diagnostics:
        raise HepValueError(diagnostics)
    return values


def directions(program: Program, given: Mapping[str, Any]) -> dict[str, Any]:
    """A direction in the space of parameters, in base units: numbers or nested tuples by name. Raises `HepValueError`
    (E451 unknown, E456 of another shape)."""
    known = {param.name: tensor_of(param) for param in program.params}
    check_names(given, known, "parameter", "E451")
    return {name: _numbers(x, known[name].shape, known[name].dim, name) for name, x in given.items()}


def defaults(program: Program, given: Iterable[str]) -> dict[str, Any]:
    """The defaults of the parameters that are not given. Raises `HepValueError` (E455) where one has none."""
    given = set(given)
    return {param.name: _default(param) for param in program.params if param.name not in given}


def flat(data: Mapping[str, Any] | None) -> dict[str, Any]:
    """Data with the fields of records by their paths: ``{"track": {"pt": [1, 2]}}`` becomes ``{"track.pt": [1, 2]}``,
    and so do ``[{"pt": 1}, {"pt": 2}]`` and a structured array."""
    found: dict[str, Any] = {}
    for name, value in (data or {}).items():
        records = isinstance(value, list | tuple) and value and all(isinstance(v, Mapping) for v in value)
        if records and all(v.keys() == value[0].keys() for v in value):
            value = {key: [v[key] for v in value] for key in value[0]}
        elif getattr(getattr(value, "dtype", None), "names", None):
            value = {key: value[key] for key in value.dtype.names}
        if isinstance(value, Mapping):
            found |= {f"{name}.{key}": inner for key, inner in flat(value).items()}
        else:
            found[name] = value
    return found


def sizes(data: Mapping[str, Any]) -> tuple[Any, ...]:
    """What of the data can shape a program: the lengths of arrays, the values of single numbers."""

    def size(value: Any) -> Any:
        if hasattr(value, "shape") and value.shape:
            return value.shape
        if isinstance(value, list | tuple):
            return len(value), *(size(value[0]) if value and isinstance(value[0], list | tuple) else ())
        return repr(value)

    return tuple((name, size(value)) for name, value in sorted(data.items()))


def data_values(program: Program, given: Mapping[str, Any]) -> dict[str, Any]:
    """Every datum's value in base units: what is given, else its default. Raises `HepValueError` (E461 unknown, E462
    missing, E463 unfit)."""
    diagnostics = _unknown(given, [item.name for item in program.data], "data", "E461")
    values: dict[str, Any] = {}
    for item in program.data:
        if item.name not in given and item.default is None:
            hint = "give it in the file of --data, or in data={…} in Python"
            diagnostics.append(Diagnostic("E462", f"the data '{item.name}' have no value", item.span, hints=(hint,)))
            continue
        try:
            values[item.name] = _datum(item, given[item.name]) if item.name in given else item.default
        except HepError as error:
            diagnostics.extend(error.diagnostics)
    if diagnostics:
        raise HepValueError(diagnostics)
    return values


def _datum(item: Data, given: Any) -> Any:
    import numpy as np

    tensor = tensor_of(item)
    array = np.asarray(given)
    if array.dtype.kind in "US":  # texts with units, one by one
        each = np.asarray(given, object).ravel()
        numbers = [parse_quantity(x, tensor.dim, item.name) if isinstance(x, str) else x for x in each]
        array = np.reshape(np.asarray(numbers), array.shape)
    if array.dtype.kind not in "biuf" or array.shape != tensor.shape:
        needed = f"{'×'.join(map(str, tensor.shape))} numbers" if tensor.shape else "a number"
        found = f"shape {array.shape}" if array.dtype.kind in "biuf" else f"{type(given).__name__}"
        raise HepValueError(Diagnostic("E463", f"the data '{item.name}' need {needed}, found {found}", item.span))
    if not np.isfinite(array).all():
        raise HepValueError(Diagnostic("E463", f"the data '{item.name}' hold a number that is not finite", item.span))
    if tensor.kind == "int" and (array != np.trunc(array)).any():
        raise HepValueError(
            Diagnostic("E463", f"the data '{item.name}' are integers, found {array.ravel()[0]:g}", item.span)
        )
    return array


def _default(param: Param) -> Any:
    if param.default is None:
        hint = f"give one: -p {param.name}=…, or {param.name}=… in Python"
        raise HepValueError(Diagnostic("E455", f"parameter '{param.name}' has no value", param.span, hints=(hint,)))
    return param.default


def param_value(param: Param, given: Any) -> Any:
    """One parameter's value in base units: a float, or nested tuples of its shape."""
    tensor = tensor_of(param)
    value = _numbers(given, tensor.shape, tensor.dim, param.name)
    for number in _flat(value):
        if not math.isfinite(number):
            raise HepValueError(Diagnostic("E452", f"parameter '{param.name}' cannot be {number}"))
        if tensor.kind == "int" and number != int(number):
            raise HepValueError(Diagnostic("E456", f"parameter '{param.name}' is an integer, found {number:g}"))
        if param.support is not None and not param.support.contains(number):
            unit = f" {readable_unit(tensor.dim)}".rstrip()
            message = f"{param.name} = {number:g}{unit} lies outside the support {interval(param.support)}{unit}"
            raise HepValueError(Diagnostic("E452", message, param.span, (Label(param.span, "declared here"),)))
    return value


def _numbers(given: Any, shape: tuple[int, ...], dim: Dim, name: str) -> Any:
    if shape:
        items = list(given) if isinstance(given, Iterable) and not isinstance(given, str) else None
        if isinstance(given, str):
            items = given.strip().strip("[]").split(",")
        if items is None or len(items) != shape[0]:
            found = "one number" if items is None else f"{len(items)}"
            raise HepValueError(Diagnostic("E456", f"'{name}' needs {shape[0]} numbers, found {found}"))
        return tuple(_numbers(item, shape[1:], dim, name) for item in items)
    if isinstance(given, str):
        return parse_quantity(given, dim, name)
    try:
        return float(given)
    except (TypeError, ValueError):
        message = f"'{name}' needs a number or a text like \"2.5\", found {type(given).__name__}"
        raise HepValueError(Diagnostic("E456", message)) from None


def _flat(value: Any) -> list[float]:
    return [number for item in value for number in _flat(item)] if isinstance(value, tuple) else [value]


def _unknown(given: Iterable[str], known: Iterable[str], kind: str, code: str) -> list[Diagnostic]:
    known = list(known)
    found = []
    for name in given:
        if name not in known:
            near = nearest(name, known)
            hint = f"did you mean '{near}'?" if near else f"it has: {', '.join(known) or 'none'}"
            found.append(Diagnostic(code, f"the model has no {kind} '{name}'", hints=(hint,)))
    return found


def check_names(given: Iterable[str], known: Iterable[str], kind: str, code: str) -> None:
    """Raises `HepValueError` for the names that are not known, each with the nearest one that is."""
    diagnostics = _unknown(given, known, kind, code)
    if diagnostics:
        raise HepValueError(diagnostics)


def check_run(n: Any, seed: Any, tolerance: float = 0.0) -> tuple[int, int]:
    """The number of events and the seed as ints. Raises `HepValueError` (E453, E454, E457)."""
    count, start = _whole(n), _whole(seed)
    if count is None or count < 1:
        raise HepValueError(Diagnostic("E453", f"the number of events must be a positive integer, found {n!r}"))
    if start is None or not 0 <= start < SEEDS:
        raise HepValueError(Diagnostic("E454", f"the seed must be an integer from 0 to 2^64 - 1, found {seed!r}"))
    if not 0 <= tolerance <= 1:
        raise HepValueError(Diagnostic("E457", f"the tolerance is a fraction from 0 to 1, found {tolerance!r}"))
    return count, start


def engine(precision: int, rounds: int, lanes: int | None, batch: int | None, max_steps: int) -> dict[str, Any]:
    """The options of a compilation, as a back end takes them. Raises `HepValueError` (E457) for what cannot be."""
    found = {"precision": precision, "rounds": rounds, "lanes": lanes, "batch": batch, "max_steps": max_steps}
    problems = [
        Diagnostic("E457", f"{name} must be {' or '.join(map(str, allowed))}, found {found[name]!r}")
        for name, allowed in (("precision", (32, 64)), ("rounds", (13, 20)))
        if found[name] not in allowed
    ]
    for name in ("lanes", "batch", "max_steps"):
        whole = _whole(found[name])
        if (found[name] is not None or name == "max_steps") and (whole is None or whole < 1):
            problems.append(Diagnostic("E457", f"{name} must be a positive integer, found {found[name]!r}"))
    if problems:
        raise HepValueError(problems)
    return found


def check_mode(mode: Any) -> None:
    """Of `grad`. Raises `HepValueError` (E457)."""
    if mode not in ("auto", "forward", "reverse"):
        raise HepValueError(Diagnostic("E457", f"mode must be 'auto', 'forward' or 'reverse', found {mode!r}"))


def devices(given: int | str | None) -> dict[str, int]:
    """How many devices share the work, as an option of a compilation: 0 for all, none where it is one. Raises
    `HepValueError` (E457)."""
    count = 0 if given == "all" else _whole(given)
    if given is not None and (count is None or (count == 0 and given != "all") or count < 0):
        raise HepValueError(Diagnostic("E457", f"devices must be a positive integer or 'all', found {given!r}"))
    return {} if count is None or count == 1 else {"devices": count}


def _whole(value: Any) -> int | None:
    """An int (bools and 3.0 are none), or None."""
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        return None
    return int(value.__index__())
