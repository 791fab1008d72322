"""Names of a program as they are printed in a picture."""

from __future__ import annotations

import re

_GREEK = (
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma tau upsilon phi chi psi "
    "omega Gamma Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi Omega"
).split()
_INDEXED = re.compile(r"([^\W_]+)_([^\W_]+)")


def label(name: str) -> str:
    """``theta`` as θ, ``m_top`` as m with an index, one letter in italics; other names as they are."""
    indexed = _INDEXED.fullmatch(name)
    stem, index = indexed.groups() if indexed else (name, "")
    if stem not in _GREEK and (len(stem) > 1 or not stem.isascii()):
        return name.replace("$", r"\$")
    letter = "\\" + stem if stem in _GREEK else stem
    below = f"_{{{index if len(index) == 1 else chr(92) + 'mathrm{' + index + '}'}}}" if index else ""
    return f"${letter}{below}$"


def with_unit(text: str, unit: str) -> str:
    return f"{text}  [{unit}]" if unit else text
