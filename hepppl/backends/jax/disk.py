"""Compiled programs are kept from one process to the next, in hepppl's own folder.

An executable is kept by what XLA was given (``*.xla``). Tracing and lowering take longer than reading it, so that a
second file (``*.run``) says which one a call needs, by all that tracing depends on: the program's texts, the plan, the
options, hepppl's own files, versions, JAX's configuration, the device. Programs with plugins of other packages have no
such file, since nobody knows what those read. Beyond CPUs JAX's own cache serves, in this folder too. A cache that the
user has configured for JAX is left to serve instead.

The files are pickles: a folder that others can write to is one that they can run code from, as with JAX's own.
"""

from __future__ import annotations

import hashlib
import os
import pickle
import platform
import sys
import time
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import jax
import jaxlib
from jax.experimental import serialize_executable
from jax.experimental.compilation_cache import compilation_cache

from hepppl import _cache
from hepppl.graph import ModelGraph
from hepppl.planning.plan import Plan
from hepppl.plugin import registry

_OPTIONS: dict[str, Any] = {
    "jax_persistent_cache_min_compile_time_secs": 0.2,
    "jax_persistent_cache_min_entry_size_bytes": -1,
}
#: What takes less is not worth a file.
SECONDS = 0.2


def name_of(
    origin: str | None, graph: ModelGraph, plan: Plan | None, settings: Any, key: Any, args: Any, devices: int
) -> str | None:
    """The name under which the executable of a call is kept, by all that it depends on; None where it is not kept here,
    or where what the call is made of is not known."""
    if origin is None or _folder() is None or not _ours() or not own_plugins(graph, plan):
        return None
    shapes = jax.tree.map(lambda x: (x.shape, str(x.dtype)), args)
    return _hash(repr((origin, plan and plan.key, settings, key, shapes, devices)), environment())


def own_plugins(graph: ModelGraph, plan: Plan | None) -> bool:
    """Whether all plugins of a program and its plan are hepppl's own."""

    def laws(dist: Any) -> Iterator[str]:
        yield dist.name
        for _, argument in dist.args:
            for inner in argument if isinstance(argument, tuple) else (argument,):
                if not isinstance(inner, int):
                    yield from laws(inner)

    nodes = list(graph.nodes())
    used = {("hepppl.distributions", name) for n in nodes if n.op == "site" for name in laws(n.attrs["dist"])}
    used |= {("hepppl.functions", n.attrs["function"]) for n in nodes if n.op == "extern"}
    used |= {("hepppl.estimators", row.estimator) for row in (plan.rows if plan else ()) if row.estimator}
    return all(e.own for group in registry.GROUPS for e in registry.entries(group) if (group, e.name) in used)


def load(name: str | None, devices: Sequence[Any]) -> tuple[Any, Any] | None:
    """The executable of a call and what was kept beside it. Whatever is wrong with the files: None."""
    folder = _folder()
    if folder is None or name is None:
        return None
    try:
        program, trees, beside = pickle.loads(_read(folder / f"{name}.run"))
        return _executable(folder / f"{program}.xla", trees, devices), beside
    except Exception:  # absent, of another JAX in spite of its name, half written by a machine that lost power
        return None


def compiled(traced: Any, options: Any, name: str | None, beside: Any, devices: Sequence[Any], began: float) -> Any:
    """Compile a traced function, or find it compiled; keep it if that took its time since ``began``."""
    lowered, folder = traced.lower(), _folder()
    if folder is None or not _ours():
        with programs():
            return lowered.compile(options)
    program = _hash(lowered.as_text(), repr(options), environment())
    trees = lowered.in_tree, lowered.out_tree
    executable = None
    with suppress(Exception):
        executable = _executable(folder / f"{program}.xla", trees, devices)
        _write(folder, name, (program, trees, beside))
    if executable is not None:
        return executable
    executable = lowered.compile(options)
    if time.perf_counter() - began > SECONDS:
        with suppress(Exception):  # not every device's executables can be written, and not every folder can
            kept, *trees = serialize_executable.serialize(executable)  # before it runs: afterwards some cannot be
            _write(folder, f"{program}.xla", zlib.compress(kept, 1))
            _write(folder, name, (program, tuple(trees), beside))
            _cache.trim()
    return executable


def _executable(path: Path, trees: tuple[Any, Any], devices: Sequence[Any]) -> Any:
    kept = zlib.decompress(_read(path))
    return serialize_executable.deserialize_and_load(kept, *trees, execution_devices=devices)


def _read(path: Path) -> bytes:
    content = path.read_bytes()
    with suppress(OSError):  # a folder may be one to read only
        os.utime(path)
    return content


def _write(folder: Path, name: str | None, content: Any) -> None:
    """Under another name first: who reads it finds all of it, or nothing."""
    if name is None:
        return
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / (f"{name}.run" if not isinstance(content, bytes) else name)
    unfinished = path.with_suffix(f".{os.getpid()}")
    unfinished.write_bytes(content if isinstance(content, bytes) else pickle.dumps(content))
    unfinished.replace(path)


def _folder() -> Path | None:
    top = _cache.folder()
    if top is None or jax.config.jax_compilation_cache_dir is not None:
        return None
    return top / _cache.PROGRAMS


def _ours() -> bool:
    """Whether executables are written and read here: CPUs', of one process, on the devices that it would choose."""
    return jax.default_backend() == "cpu" and jax.process_count() == 1 and jax.config.jax_default_device is None


def _hash(*texts: str) -> str:
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()


def environment() -> str:
    """Everything that a compilation depends on beside the program, as a text."""
    skipped = ("cache", "log", "explain")
    flags = {name: getattr(jax.config, name, None) for name in jax.config.values if not any(s in name for s in skipped)}
    device = jax.local_devices()[0]
    machine = (device.platform, device.device_kind, device.client.platform_version, jax.local_device_count(), _cpu())
    versions = (sys.version, jax.__version__, jaxlib.__version__, os.environ.get("XLA_FLAGS"))
    return repr((machine, versions, sorted(flags.items()), _OWN))


@cache
def _cpu() -> str:
    """What code may be made for: a folder may be shared by machines that are not alike."""
    with suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text().split("\n\n")[0].splitlines()
        return "\n".join(sorted(line for line in lines if line.startswith(("flags", "Features", "model name"))))
    return repr((platform.machine(), platform.processor(), platform.node()))


def own_files() -> str:
    """A hash of what hepppl and its plugins are made of, by names, sizes and dates."""
    facts = []
    for package in ("hepppl", "hepppl_estimators", "hepppl_hep"):
        spec = find_spec(package)
        for folder in (spec and spec.submodule_search_locations) or ():
            for path in sorted(Path(folder).rglob("*.py")):
                stat = path.stat()
                facts.append((package, str(path.relative_to(folder)), stat.st_size, stat.st_mtime_ns))
    return _hash(repr(facts))


#: Of the files as they are when they are imported: who edits them later runs the old ones.
_OWN = own_files()


@contextmanager
def programs() -> Iterator[None]:
    """Compilations inside are looked up in JAX's cache, in hepppl's folder, and kept there."""
    top = _cache.folder()
    if top is None or jax.config.jax_compilation_cache_dir is not None:
        yield
        return
    try:
        (top / _cache.PROGRAMS).mkdir(parents=True, exist_ok=True)
    except OSError:  # read-only: do without
        yield
        return
    wanted = {**_OPTIONS, "jax_compilation_cache_dir": str(top / _cache.PROGRAMS)}
    before = {name: getattr(jax.config, name) for name in wanted}
    try:
        for name, value in wanted.items():
            jax.config.update(name, value)
        compilation_cache.reset_cache()
        yield
    finally:
        for name, value in before.items():
            jax.config.update(name, value)
        compilation_cache.reset_cache()
        _cache.trim()
