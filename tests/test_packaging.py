"""Wheel and sdist hold what an installation needs, and an installation works outside the checkout."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

import hepppl

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def run(*command: str | Path, cwd: Path) -> str:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    done = subprocess.run(
        list(map(str, command)), cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The sdist, and the wheel made from the sdist (so the sdist holds all that a build needs)."""
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--outdir", folder, ROOT, cwd=folder)
    return {"wheel": next(folder.glob("*.whl")), "sdist": next(folder.glob("*.tar.gz"))}


def test_extras_have_the_promised_names() -> None:
    promised = {"io", "plot", "fit", "mcmc", "cluster", "lsp", "notebook", "docs", "test", "all"}
    assert set(PROJECT["optional-dependencies"]) == promised | {"design", "sbi"}


def test_dependencies_have_lower_bounds_only() -> None:
    every = [*PROJECT["dependencies"], *(d for extra in PROJECT["optional-dependencies"].values() for d in extra)]
    assert all(re.fullmatch(r"[\w-]+(\[\w+\])?>=[\d.]+|hepppl\[[\w,]+\]", dependency) for dependency in every)


def test_every_dependency_has_its_reason_in_the_docs() -> None:
    text = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8")
    every = [*PROJECT["dependencies"], *(d for extra in PROJECT["optional-dependencies"].values() for d in extra)]
    names = {re.match(r"[\w-]+", dependency)[0] for dependency in every} - {"hepppl"}
    assert {name for name in names if name not in text} == set()


def test_the_version_has_one_source() -> None:
    assert PROJECT["dynamic"] == ["version"]
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f"## {hepppl.__version__}" in changelog


def test_readme_has_its_two_commands_on_one_line_each() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for mark, goal in (("main job", "hepppl grad examples/absorber.hep --plot"), ("tests", "pytest")):
        block = re.search(rf"<!-- {mark} -->\n```(?:sh|bash)\n(.*?)\n```\n<!-- end -->", readme, re.S)
        assert block is not None
        assert "\n" not in block[1]
        assert goal in block[1]
        assert block[1].startswith("python3 -m venv .venv && ")


@pytest.mark.slow
def test_the_archives_hold_what_is_needed(built: dict[str, Path]) -> None:
    with zipfile.ZipFile(built["wheel"]) as wheel:
        names = set(wheel.namelist())
    assert {
        "hepppl/grammar/hep.lark",
        "hepppl/grammar/tables.json",
        "hepppl_hep/landau.npy",
        "hepppl/std/kinematics.hep",
        "hepppl/std/qcd.hep",
    } <= names
    for module in ("reparam", "score", "stochastic_ad"):
        assert f"hepppl_estimators/{module}.py" in names
    assert {name.split("/")[0] for name in names} == {
        "hepppl", "hepppl_estimators", "hepppl_hep", f"hepppl-{hepppl.__version__}.dist-info",
    }  # fmt: skip
    with tarfile.open(built["sdist"]) as sdist:
        inside = {name.split("/", 1)[1] for name in sdist.getnames() if "/" in name}
    for needed in (
        "grammar/hep.lark", "examples/absorber.hep", "tests/conftest.py", "docs/index.md", ".ci/run", "README.md",
        "LICENSE", "CHANGELOG.md", "plugins/hepppl_estimators/score.py",
    ):  # fmt: skip
        assert needed in inside


@pytest.mark.slow
def test_an_installed_wheel_works_outside_the_checkout(built: dict[str, Path], tmp_path: Path) -> None:
    """In an environment of its own, which sees the libraries of this one but not the checkout."""
    run(sys.executable, "-m", "venv", tmp_path / "env", cwd=tmp_path)
    bin_ = tmp_path / "env" / ("Scripts" if os.name == "nt" else "bin")
    run(bin_ / "python", "-m", "pip", "install", "--no-deps", "--quiet", built["wheel"], cwd=tmp_path)
    site = Path(
        run(bin_ / "python", "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=tmp_path).strip()
    )
    # Libraries come from the running environment (no second download); its own hepppl, if editable, does not: the .pth
    # files of a folder added this way are not read.
    (site / "libraries.pth").write_text("\n".join(p for p in sys.path if p.endswith("site-packages")) + "\n")
    (tmp_path / "m.hep").write_text((ROOT / "examples" / "discrete_choice.hep").read_text(encoding="utf-8"))

    where = run(bin_ / "python", "-c", "import hepppl; print(hepppl.__file__)", cwd=tmp_path)
    assert Path(where.strip()).is_relative_to(tmp_path)
    assert hepppl.__version__ in run(bin_ / "hepppl", "--version", cwd=tmp_path)
    listed = run(bin_ / "hepppl", "plugins", "list", cwd=tmp_path)
    assert all(name in listed for name in ("reparam", "score", "stochastic_ad"))
    assert "m.hep: ok" in run(bin_ / "hepppl", "check", "m.hep", cwd=tmp_path)
    assert "stochastic_ad" in run(bin_ / "hepppl", "plan", "m.hep", cwd=tmp_path)
    summary = run(bin_ / "hepppl", "grad", "m.hep", "-n", "1000", cwd=tmp_path)
    assert "dE[value]/dx" in summary
