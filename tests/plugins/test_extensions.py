"""A package that adds functions and distributions: found by its entry points, used by both back ends, contained."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import hepppl
from hepppl.backends import reference
from hepppl.cli.app import app
from hepppl.diagnostics import Diagnostic
from hepppl.diagnostics.errors import HepError, HepPluginError
from hepppl.plugin import registry
from hepppl.testing import check
from hepppl.testing.functions import FunctionKit

METADATA = """
from hepppl.plugin import Distribution, Function, Parameter

MADE = "acme_numerics"
gell = Function("gell", "(q: energy, n: int) -> real", True, f"{MADE}:gell", "A smooth function of a scale.")
edge = Function("edge", "(x: real) -> real", False, f"{MADE}:edge", "A step.")
norm2 = Function("norm2", "(x: length[3]) -> area", True, f"{MADE}:norm2", "Of a vector.")
wrong = Function("wrong", "(x: real) -> real[2]", True, f"{MADE}:norm2", "Gives another shape than it says.")
raises = Function("raises", "(x: real) -> real", True, f"{MADE}:raises", "")
gone = Function("gone", "(x: real) -> real", True, "acme_gone:f", "")
garbled = Function("garbled", "x -> y", True, f"{MADE}:edge", "")
ramp = Distribution("ramp", (Parameter("scale", "positive", "value"),), "real", "positive", "location_scale",
                    f"{MADE}:Ramp", "Density 2 x / scale^2 on (0, scale).")
normal = Distribution("normal", (), "real", "real", None, "nowhere:X", "Never looked at.")
odd = Distribution("odd", (Parameter("a", "strange"),), "real", "real", None, "nowhere:X", "")
lame = Distribution("lame", (), "real", "real", None, f"{MADE}:Lame", "")
"""

NUMERICS = """
def gell(xp, q, n):
    return xp.sqrt(q / 1000.0) + n

def edge(xp, x):
    return xp.where(x > 0.5, 1.0, 0.0)

def norm2(xp, x):
    return xp.sum(x * x)

def raises(xp, x):
    raise RuntimeError("out of paper")

class Ramp:
    @staticmethod
    def sample(u, scale):
        return scale * u ** 0.5

    @staticmethod
    def log_prob(x, scale):
        import jax.numpy as jnp
        return jnp.where((x > 0) & (x < scale), jnp.log(2 * x / scale**2), -jnp.inf)

    @staticmethod
    def cdf(x, scale):
        import jax.numpy as jnp
        return jnp.clip(x / scale, 0, 1) ** 2

    @staticmethod
    def valid(scale):
        return scale > 0

class Lame:
    @staticmethod
    def sample(u):
        raise RuntimeError("out of luck")
    @staticmethod
    def valid():
        return True
"""


def package(folder: Path, name: str, groups: dict[str, list[str]]) -> None:
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n", encoding="utf-8")
    lines = [f"[{group}]\n" + "".join(f"{n} = acme_plugins:{n}\n" for n in names) for group, names in groups.items()]
    (info / "entry_points.txt").write_text("\n".join(lines), encoding="utf-8")


@pytest.fixture
def acme(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Two packages as pip leaves them: ``acme``, and ``rival``, which claims one name as well."""
    functions = ["gell", "edge", "norm2", "wrong", "raises", "gone", "garbled", "twice"]
    laws = ["ramp", "normal", "odd", "lame"]
    package(tmp_path, "acme", {"hepppl.functions": functions, "hepppl.distributions": laws})
    package(tmp_path, "rival", {"hepppl.functions": ["twice"]})
    (tmp_path / "acme_plugins.py").write_text(METADATA, encoding="utf-8")
    (tmp_path / "acme_numerics.py").write_text(NUMERICS, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    importlib.invalidate_caches()
    registry.refresh()
    yield tmp_path
    monkeypatch.undo()
    for module in ("acme_plugins", "acme_numerics"):
        sys.modules.pop(module, None)
    registry.refresh()


def model(body: str, *declarations: str) -> hepppl.Model:
    return hepppl.parse("\n".join(declarations) + f"\nmodel m {{\n{body}\n}}\n")


def fault(body: str, *declarations: str) -> Diagnostic:
    with pytest.raises(HepPluginError) as caught:
        model(body, *declarations)
    (diagnostic,) = caught.value.diagnostics
    return diagnostic


GELL = "extern fn gell(q: energy, n: int) -> real"


@pytest.mark.usefixtures("acme")
def test_a_function_runs_in_both_back_ends_and_is_differentiated() -> None:
    m = model(
        "param a: energy = 4 GeV\n x ~ uniform(0, 1)\n k ~ poisson(2)\n v = [a / GeV * mm, 2 mm, x * mm]\n"
        "return (g = gell(a * (1 + x), k), n = norm2(v) / mm^2)",
        GELL,
        "extern fn norm2(v: length[3]) -> area",
    )
    events, mine = m.simulate(50), reference.simulate(m.program, 50)
    for name in ("g", "n"):
        assert events.outputs[name] == pytest.approx(np.asarray(mine[name]), rel=1e-5)
    result = m.grad(4000)
    exact = (2 * np.sqrt(2) - 1) * 2 / 3 / (2 * np.sqrt(4)) / 1000  # E of sqrt(1 + x) / (2 sqrt(a)), per MeV
    assert result.gradient["g"]["a"] == pytest.approx(exact, rel=0.02)
    assert result.gradient["n"]["a"] == pytest.approx(2 * 4 / 1000, rel=1e-4)


@pytest.mark.usefixtures("acme")
def test_a_function_of_the_elements_of_a_collection() -> None:
    m = model(
        "h ~ p(3) limit 4\n return sum(gell(h * GeV, 0)^2)",
        GELL,
        "process p(n: int) {\n emit real(n)\n if n > 0 { spawn p(n - 1) }\n}",
    )
    assert m.simulate(3).outputs["value"] == pytest.approx([6, 6, 6])


@pytest.mark.usefixtures("acme")
def test_a_function_that_jumps_is_no_way_for_a_derivative() -> None:
    m = model("param a = 0.5\n x ~ normal(a, 1)\n return edge(x)", "extern fn edge(x: real) -> real")
    with pytest.raises(HepError, match="the function 'edge'"):
        m.plan(by={"x": "reparam"})
    assert m.grad(20_000).gradient["value"]["a"] == pytest.approx(np.exp(0) / np.sqrt(2 * np.pi), abs=0.05)


@pytest.mark.usefixtures("acme")
def test_a_distribution_of_a_package() -> None:
    m = model("param s: length = 2 mm\n x ~ ramp(s)\n y ~ truncated(ramp(s), 0.5 mm, 1 mm)\n return (x = x, y = y)")
    events, mine = m.simulate(200), reference.simulate(m.program, 200)
    assert m.units["x"] == "mm"
    for name in ("x", "y"):
        assert events.outputs[name] == pytest.approx(np.asarray(mine[name]), rel=1e-5)
    assert m.grad(4000, wrt="s").gradient["x"]["s"] == pytest.approx(2 / 3, abs=0.02)
    with pytest.raises(HepError, match="E203"):
        model("x ~ ramp(2 mm)\n return x + 1 GeV")


@pytest.mark.usefixtures("acme")
def test_what_is_wrong_is_said_where_the_program_asks() -> None:
    nearest = fault("return 1", "\nextern fn gel(q: energy, n: int) -> real")
    assert nearest.code == "E801"
    assert nearest.hints == ("did you mean 'gell'?",)
    assert nearest.span is not None
    assert nearest.span.line == 2
    both = fault("return 1", "extern fn twice(x: real) -> real")
    assert both.code == "E802"
    assert "acme 1.0" in both.message
    assert "rival 1.0" in both.message
    assert fault("return 1", "extern fn garbled(x: real) -> real").code == "E804"
    odd = fault("x ~ odd(1)\n return x")
    assert odd.code == "E804"
    assert "acme 1.0" in odd.message
    with pytest.raises(HepError) as caught:
        model("return 1", "extern fn gell(q: length, n: int) -> real")
    (other,) = caught.value.diagnostics
    assert other.code == "E225"
    assert "(energy, int) -> real, not (length, int) -> real" in other.message
    assert other.hints == ("write extern fn gell(q: energy, n: int) -> real",)
    with pytest.raises(HepError) as caught:
        model("return gell(1 mm, 1) + gell(1 GeV)", GELL)
    assert [d.code for d in caught.value.diagnostics] == ["E206", "E205"]


@pytest.mark.usefixtures("acme")
@pytest.mark.parametrize(
    ("body", "declaration", "code", "word"),
    [
        ("param x = 1\n return raises(x)", "extern fn raises(x: real) -> real", "E805", "out of paper"),
        ("param x = 1\n return sum(wrong(x))", "extern fn wrong(x: real) -> real[2]", "E805", "shape"),
        ("param x = 1\n return gone(x)", "extern fn gone(x: real) -> real", "E803", "acme_gone"),
        ("x ~ lame()\n return x", "", "E805", "out of luck"),
    ],
)
def test_a_failing_implementation_is_contained(body: str, declaration: str, code: str, word: str) -> None:
    m = model(body, declaration)
    for run in (lambda: m.simulate(3), lambda: reference.simulate(m.program, 3)):
        with pytest.raises(HepPluginError) as caught:
            run()
        (diagnostic,) = caught.value.diagnostics
        assert diagnostic.code == code
        assert word in diagnostic.message
        assert code == "E803" or "acme 1.0" in diagnostic.message
        if "out of paper" in diagnostic.message:
            assert diagnostic.span is not None
            assert diagnostic.span.text == "raises(x)"


@pytest.mark.usefixtures("acme")
def test_a_built_in_distribution_is_not_shadowed() -> None:
    assert model("x ~ normal(0, 1)\n return x").program.name == "m"


@pytest.mark.usefixtures("acme")
def test_the_command_line_lists_and_shows_them() -> None:
    found = json.loads(CliRunner().invoke(app, ["plugins", "list", "--json"]).stdout)
    usable = {(row["kind"], row["name"]): row["usable"] for row in found["plugins"]}
    assert usable["function", "gell"]
    assert usable["distribution", "ramp"]
    assert not usable["distribution", "odd"]
    assert {d["code"] for d in found["warnings"]} == {"W801", "W802", "W803"}
    assert any("'normal', which is built in" in d["message"] for d in found["warnings"])
    shown = CliRunner().invoke(app, ["plugins", "show", "gell"]).stdout
    assert "(q: energy, n: int) -> real" in shown
    assert "acme 1.0" in shown
    assert "scale" in CliRunner().invoke(app, ["plugins", "show", "ramp"]).stdout


@pytest.mark.usefixtures("acme")
def test_the_conformance_kit_of_functions() -> None:
    """The arguments are those of the signature, dimensions, arrays and integers included; the numbers are derivatives
    times points."""
    for name, shapes, derivatives in (("gell", [(), ()], 4), ("norm2", [(3,)], 4)):
        assert [t.shape for t in FunctionKit(name, 1).types] == shapes
        report = check(name)
        assert report.ok, report
        assert report.checks[-1].detail.startswith(f"{derivatives} derivatives")
    assert {c.name: c.status for c in check("edge").checks}["derivative"] == "skipped"
    for name in ("wrong", "raises", "garbled"):
        assert not check(name).ok


def test_checking_a_program_with_a_plugin_imports_no_jax(acme: Path) -> None:
    program = acme / "m.hep"
    program.write_text(f"{GELL}\nmodel m {{\n x ~ ramp(1)\n return gell(1 GeV, 2) * x\n}}\n", encoding="utf-8")
    code = (
        f"import sys; sys.path[:0] = {[str(acme), *sys.path]!r}\nimport hepppl; hepppl.load({str(program)!r})\n"
        "assert 'jax' not in sys.modules and 'acme_plugins' in sys.modules and 'acme_numerics' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
