"""The house rules that a machine can check: who imports whom, what must not be imported early, how long files are."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "hepppl"

#: Room -> the rooms it may import. The others (the top level, io, plotting, cli) may import everything but cli.
MAY_IMPORT = {
    "diagnostics": set(),
    "syntax": {"diagnostics"},
    "distributions": {"plugin", "diagnostics"},
    "semantics": {"syntax", "distributions", "plugin", "diagnostics"},
    "graph": {"semantics", "diagnostics"},
    "plugin": {"diagnostics"},
    "planning": {"graph", "plugin", "distributions", "diagnostics"},
    "backends": {"graph", "planning", "plugin", "distributions", "diagnostics"},
    "scale": {"", "backends", "planning", "plugin", "io", "diagnostics"},
    # Everything that uses a compiled program: it asks models, back ends and the graph, and no one asks it but the top.
    "inference": {
        "",
        "io",
        "plotting",
        "backends",
        "graph",
        "planning",
        "semantics",
        "syntax",
        "plugin",
        "distributions",
        "diagnostics",
    },
    # The conformance kit runs plugins as a user would: by programs, and by what the interface promises of numerics.
    "testing": {"", "backends", "semantics", "syntax", "plugin", "distributions", "diagnostics"},
}
NO_JAX = {"diagnostics", "syntax", "semantics", "graph", "plugin", "planning", "cli", "io", "plotting", ""}
MAX_LINES = 400


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*.py") if "__pycache__" not in path.parts)


def imports(path: Path) -> set[str]:
    """Every module a file imports, anywhere in it, as a dotted name (``from a import b`` gives ``a`` and ``a.b``)."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            assert node.module is not None
            found.add(node.module)
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
    return found


def room(dotted: str) -> str | None:
    """The room of hepppl that a dotted name lies in; "" for the top level, None for another package."""
    parts = dotted.split(".")
    if parts[0] != "hepppl":
        return None
    return parts[1] if len(parts) > 1 and (PACKAGE / parts[1]).is_dir() else ""


def room_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE).parts
    return parts[0] if len(parts) > 1 else ""


@pytest.mark.parametrize("name", MAY_IMPORT)
def test_a_room_imports_only_what_it_may(name: str) -> None:
    allowed = MAY_IMPORT[name] | {name}
    assert (PACKAGE / name).is_dir()
    offences = [
        f"{path.relative_to(ROOT)} imports {module}"
        for path in files(PACKAGE / name)
        for module in imports(path)
        if room(module) not in allowed | {None}
        and module not in ("hepppl", "hepppl._version", "hepppl._cache", "hepppl._memory")
    ]
    assert not offences


def test_nothing_imports_the_command_line() -> None:
    offences = [
        str(path.relative_to(ROOT))
        for path in files(PACKAGE)
        if room_of(path) != "cli"
        and path.name != "__main__.py"
        and any(room(module) == "cli" for module in imports(path))
    ]
    assert not offences


def test_plugins_import_the_public_plugin_interface_alone() -> None:
    found = files(ROOT / "plugins")
    assert found
    offences = [
        f"{path.relative_to(ROOT)} imports {module}"
        for path in found
        for module in imports(path)
        if room(module) not in ("plugin", None)
    ]
    assert not offences


def test_the_core_names_no_plugin() -> None:
    offences = [
        str(path.relative_to(ROOT))
        for path in files(PACKAGE)
        if any(module.split(".")[0] == "hepppl_estimators" for module in imports(path))
    ]
    assert not offences


def test_jax_is_imported_in_its_rooms_only() -> None:
    offences = [
        str(path.relative_to(ROOT))
        for path in files(PACKAGE)
        if room_of(path) in NO_JAX
        and any(module.split(".")[0] in ("jax", "jaxlib", "numpyro") for module in imports(path))
    ]
    assert not offences


def test_a_room_that_imports_jax_is_seen_by_these_tests() -> None:
    """The scan itself works: the JAX back end does import JAX."""
    assert any("jax" in imports(path) for path in files(PACKAGE / "backends" / "jax"))


LIGHT = {
    "import": "import hepppl",
    "names": "import hepppl; hepppl.HepError; hepppl.Model; hepppl.load",
    "check": "from hepppl.cli.app import app; app(['check', {file!r}])",
    "plan": "from hepppl.cli.app import app; app(['plan', {file!r}])",
    "graph": "from hepppl.cli.app import app; app(['graph', {file!r}])",
    "fmt": "from hepppl.cli.app import app; app(['fmt', '--check', {file!r}])",
    "plugins": "from hepppl.cli.app import app; app(['plugins', 'list'])",
    "infer --help": "from hepppl.cli.app import app; app(['infer', '--help'])",
}


def modules_after(code: str) -> set[str]:
    """What is imported at the end of a program that may exit by itself."""
    program = (
        "import atexit, sys\n"
        "atexit.register(lambda: sys.stderr.write('MODULES ' + ' '.join(sys.modules) + '\\n'))\n" + code
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    line = next(line for line in run.stderr.splitlines() if line.startswith("MODULES "))
    return set(line.split()[1:])


@pytest.mark.parametrize("name", LIGHT)
def test_what_needs_no_arrays_imports_no_jax(name: str) -> None:
    code = LIGHT[name].format(file=str(ROOT / "examples" / "absorber.hep"))
    heavy = {"jax", "jaxlib", "matplotlib", "scipy"} & modules_after(code)
    assert not heavy


def test_importing_hepppl_imports_next_to_nothing() -> None:
    modules = modules_after("import hepppl")
    assert not {"numpy", "networkx", "lark", "click", "rich"} & modules


def test_check_imports_neither_numpy_nor_networkx() -> None:
    modules = modules_after(LIGHT["check"].format(file=str(ROOT / "examples" / "discrete_choice.hep")))
    assert not {"numpy", "networkx", "rich", "particle", "scipy"} & modules


def test_files_are_short() -> None:
    long = {
        str(path.relative_to(ROOT)): lines
        for path in [*files(PACKAGE), *files(ROOT / "plugins")]
        if (lines := len(path.read_text(encoding="utf-8").splitlines())) > MAX_LINES
    }
    assert not long


PUBLIC = {
    "Compiled",
    "Diagnostic",
    "Events",
    "GradResult",
    "HepError",
    "HepFileError",
    "HepNameError",
    "HepPlanError",
    "HepPluginError",
    "HepResultError",
    "HepSyntaxError",
    "HepTypeError",
    "HepUnsupportedError",
    "HepValueError",
    "Model",
    "__version__",
    "load",
    "parse",
}


def test_the_public_names_are_frozen() -> None:
    import hepppl

    assert set(hepppl.__all__) == PUBLIC
    assert all(getattr(hepppl, name) is not None for name in hepppl.__all__)
    assert set(dir(hepppl)) == PUBLIC
    with pytest.raises(AttributeError, match="no attribute 'laod'"):
        _ = hepppl.laod


def test_the_methods_of_a_model_are_frozen() -> None:
    from hepppl import Compiled, Events, GradResult, Model
    from hepppl.inferring import Inferring

    def public(cls: type) -> set[str]:
        return {name for name in (*vars(cls), *getattr(cls, "__annotations__", {})) if not name.startswith("_")}

    assert public(Model) | public(Inferring) == {
        "asimov", "compile", "data", "dims", "file", "gold", "grad", "graph", "infer", "model_graph", "morph", "name",
        "optimize", "params", "plan", "program", "simulate", "simulate_to", "to_numpyro", "units", "verify",
        "with_data",
    }  # fmt: skip
    assert public(Compiled) == {"model", "plan", "program", "simulate", "value_and_grad"}
    assert public(Events) >= {"mean", "se", "std", "weight", "weighted", "truncated", "units", "keys", "to_dict"}
    assert public(GradResult) >= {"mean", "mean_se", "gradient", "se", "std", "sites", "truncated", "to_dict"}
