"""The group: help, version, unknown commands, and what happens when things go wrong in unplanned ways."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import click
import pytest
from click.testing import CliRunner

import hepppl
from hepppl.cli.app import COMMANDS, app


def test_version(run: Callable[..., Any]) -> None:
    assert run("--version").stdout == f"hepppl, version {hepppl.__version__}\n"


def test_help_names_every_command(run: Callable[..., Any]) -> None:
    shown = run("--help")
    assert shown.status == 0
    assert all(f"\n  {name} " in shown.stdout for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(run: Callable[..., Any], name: str) -> None:
    shown = run(name, "--help")
    assert shown.status == 0
    assert shown.stdout.startswith("Usage: ")


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["simulat"], "Did you mean 'simulate'?"),
        (["xyzzy"], "No such command 'xyzzy'"),
        (["simulate"], "Missing argument"),
        (["simulate", "choice.hep", "-n", "many"], "'many' is not a valid integer"),
        (["simulate", "choice.hep", "-p", "x"], "expected NAME=VALUE"),
        (["simulate", "choice.hep", "-p", "x=1", "-p", "x=2"], "'x' is given twice"),
        (["simulate", "choice.hep", "--speed", "9"], "No such option"),
        (["grad", "choice.hep", "--scan", "x=0:1:3"], "--plot"),
        (["grad", "choice.hep", "--plan", "p.json", "--by", "b=score"], "give one or the other"),
        (["explain", "E999"], "there is no diagnostic code 'E999'"),
        (["dump", "choice.hep", "--stage", "soul"], "'soul' is not one of"),
    ],
)
def test_wrong_usage_is_2(run: Callable[..., Any], args: list[str], says: str) -> None:
    outcome = run(*args)
    assert outcome.status == 2
    assert says in outcome.stderr
    assert outcome.stdout == ""


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> Callable[[BaseException], Any]:
    """Make ``hepppl explain`` fail in a given way."""

    def breaking(error: BaseException) -> Any:
        @click.command()
        def command() -> None:
            raise error

        monkeypatch.setattr(app, "get_command", lambda ctx, name: command)
        return CliRunner().invoke(app, ["explain"])

    return breaking


def test_a_bug_is_reported_as_one(broken: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HEPPPL_DEBUG", raising=False)
    result = broken(RuntimeError("boom"))
    assert result.exit_code == 1
    assert "internal error: RuntimeError: boom" in result.stderr
    assert "please report" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_bug_shows_where_it_is_when_asked(broken: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEPPPL_DEBUG", "1")
    assert isinstance(broken(RuntimeError("boom")).exception, RuntimeError)


def test_an_interruption_is_no_traceback(broken: Callable[..., Any]) -> None:
    result = broken(KeyboardInterrupt())
    assert result.exit_code == 130
    assert "interrupted" in result.stderr


@pytest.mark.skipif(os.name == "nt", reason="pipes break in another way there")
def test_a_reader_that_leaves_is_no_traceback() -> None:
    """As in ``hepppl explain E901 | true``."""
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "wb") as stdout:
        done = subprocess.run(
            [sys.executable, "-m", "hepppl", "explain", "E901"], stdout=stdout, stderr=subprocess.PIPE, check=False
        )
    assert done.returncode == 141
    assert done.stderr == b""


def test_no_colour_where_there_is_no_terminal(run: Callable[..., Any]) -> None:
    outcome = run("check", "wrong.hep")
    assert outcome.status == 1
    assert "\x1b" not in outcome.stdout + outcome.stderr
