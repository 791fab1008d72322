"""What a particle shares among those that it spawns."""

from __future__ import annotations

import pytest

from .load import graph_of

MODEL = """
model m {
    param p: real in (0, 1) = 0.4
    tracks ~ shower(10, 0.5, p) limit 64
    return count(tracks)
}
"""


def shared(step: str, *others: str) -> dict[str, str | None]:
    process = f"process shower(e: real, w: real, p: real) {{\n{step}\n}}\n"
    return {key: formal.name for key, formal in graph_of(process + "\n".join(others) + MODEL).shared().items()}


def splitting(children: str) -> str:
    return f"""
        z ~ uniform(0, 1)
        q ~ bernoulli(p)
        if e < 1 {{ emit (e = e) }} else if q {{ {children} }} else {{ spawn shower(0.9 * e, w, p) }}
    """


@pytest.mark.parametrize(
    "children",
    [
        "spawn shower(z * e, w, p)\nspawn shower((1 - z) * e, w, p)",
        "spawn shower(e / 2, w, p)\nspawn shower(e / 2, w, p)",
        "spawn shower(0.25 * e, w, p)\nspawn shower(0.5 * e, w, p)\nspawn shower(e / 4, w, p)",
        "part = z * e\nspawn shower(part, w, p)\nspawn shower(e - part, w, p)",
        "left = e - 0.1 * w\nspawn shower(z * left, w, p)\nspawn shower((1 - z) * left, w, p)",
        "left = e - 0.1 * sqrt(e)\nspawn shower(z * left, w, p)\nspawn shower(left - z * left, w, p)",
        "spawn shower(z^2 * e, w, p)\nspawn shower((1 - z) * (1 + z) * e, w, p)",
        "first = if z < 0.5 then 0.3 else 0.7\nspawn shower(first * e, w, p)\nspawn shower(e - first * e, w, p)",
    ],
)
def test_what_is_divided_without_loss_is_shared(children: str) -> None:
    assert shared(splitting(children)) == {"shower": "e"}


@pytest.mark.parametrize(
    "children",
    [
        "spawn shower(e, w, p)\nspawn shower(z * e, w, p)",
        "spawn shower(z * e, w, p)\nspawn shower(z * e, w, p)",
        "spawn shower(z * e^2, w, p)\nspawn shower(e - z * e^2 + e^2, w, p)",
        "i = 0\nwhile i < 2 limit 4 { spawn shower(e / 2, w, p)\ni = i + 1 }",
        "spawn shower(1, w, p)\nspawn shower(2, w, p)",
        "if z < 0.5 { spawn shower(z * e, w, p) } else { spawn shower(e, w, p) }",  # never two of them
    ],
)
def test_other_numbers_are_not(children: str) -> None:
    assert shared(splitting(children)) == {}


def test_particles_of_two_kinds_share_what_both_call_by_one_name() -> None:
    pair = "spawn other(z * e, p)\nspawn other((1 - z) * e, p)"
    other = "process other(e: real, p: real) { spawn shower(e, 0.3, p) }"
    assert shared(splitting(pair), other) == {"shower": "e", "other": "e"}
    assert shared(splitting(pair), other.replace("e: real", "x: real").replace("(e,", "(x,")) == {}


def test_a_long_sum_is_a_number_like_another() -> None:
    """Written out without end it would take too much time, or stack."""
    steps = "\n".join(f"x{i} = x{i - 1} + {i} * e" for i in range(1, 400))
    assert shared(splitting(f"x0 = e\n{steps}\nspawn shower(x399, w, p)\nspawn shower(e - x399, w, p)")) == {
        "shower": "e"
    }
