"""Programs made of the corpus by chance: tokens and whole parts lost, doubled, exchanged, and taken from elsewhere.

Everything is drawn from one seeded generator, so that a number names a program.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from functools import cache

from hepppl.diagnostics import HepSyntaxError, Source
from hepppl.syntax import ast, parse
from hepppl.syntax.depth import children

from .programs import BAD, FILES

_TOKEN = re.compile(r"\s+|#[^\n]*|\d[\w.]*|\w+|\.\.|->|[<>=!]=|\"[^\"\n]*\"|.", re.DOTALL)
_STRANGE = (
    *"""0 1 -1 0.5 1e12 1e400 2147483648 inf pi 30 GeV mm true false x y i h [] [1,2] (a=1) {} ( ) [ ] { } , ; : ~ = ==
    -> .. . + - * / % ^ < > if then else for in while limit plate param data const net observe spawn emit weight require
    return fn process model type unit import by normal poisson bernoulli mixture truncated sum hist padded sort len p4
    mass argmin root score reparam " # é μ ² \0""".split(),
    "\n",
    "\t",
    " ",
)


@cache
def _texts(good: bool) -> tuple[str, ...]:
    """The good or the bad programs; the longest say nothing new."""
    paths = (FILES if good else BAD).values()
    found = [path.read_text(encoding="utf-8", errors="replace") for path in paths]
    return tuple(text for text in found if 0 < len(text) < 3000)


def _any(rng: random.Random) -> str:
    return rng.choice(_texts(rng.random() < 0.75))


@cache
def _tokens(text: str) -> tuple[str, ...]:
    return tuple(_TOKEN.findall(text))


@cache
def _parts(text: str) -> tuple[tuple[int, int, type], ...]:
    """Where the statements and expressions of a good program stand."""
    try:
        todo: list[ast.Node] = list(parse(Source("part.hep", text)).items)
    except HepSyntaxError:
        return ()
    found = []
    while todo:
        node = todo.pop()
        todo += children(node)
        kind = ast.Expr if isinstance(node, ast.Expr) else ast.Stmt if isinstance(node, ast.Stmt) else None
        if kind is not None:
            found.append((node.span.start, node.span.end, kind))
    return tuple(found)


@cache
def _pool(kind: type) -> tuple[str, ...]:
    parts = {text[a:b] for text in _texts(True) for a, b, k in _parts(text) if k is kind and b - a < 300}
    return tuple(sorted(parts))


def _with_tokens_changed(text: str, rng: random.Random) -> str:
    tokens = list(_tokens(text))
    other = _tokens(_any(rng))
    for _ in range(rng.choice((1, 1, 1, 2, 3, 8))):
        at = rng.randrange(len(tokens) + 1)
        match rng.randrange(6):
            case 0:
                del tokens[at : at + rng.choice((1, 1, 2, 10))]
            case 1:
                tokens.insert(at, rng.choice(_STRANGE))
            case 2:
                tokens[at : at + 1] = [rng.choice(_STRANGE)]
            case 3:
                tokens[at : at + 1] = [rng.choice(other)]
            case 4:
                start = rng.randrange(len(other))
                tokens[at:at] = other[start : start + rng.choice((1, 3, 20))]
            case _:
                tokens[at : at + 1] = tokens[at : at + 1] * 2
    return "".join(tokens)


def _with_parts_exchanged(text: str, rng: random.Random) -> str:
    """An expression or statement replaced by one of this or any program: the grammar is kept, the meaning sometimes."""
    for _ in range(rng.choice((1, 1, 2, 4))):
        parts = _parts(text)
        if not parts:
            return text
        start, end, kind = rng.choice(parts)
        a, b, _ = rng.choice([part for part in parts if part[2] is kind])
        new = text[a:b] if rng.random() < 0.7 else rng.choice(_pool(kind))
        text = text[:start] + (f"({new})" if kind is ast.Expr and rng.random() < 0.5 else new) + text[end:]
    return text


def programs(seed: int, n: int) -> Iterator[str]:
    """``n`` programs; the same for the same seed as long as the corpus is."""
    for number in range(n):
        rng = random.Random(f"{seed}:{number}")
        text = _any(rng)
        for change in rng.choice(((0,), (1,), (1,), (1, 0), (1, 1))):
            text = (_with_parts_exchanged if change else _with_tokens_changed)(text, rng)
        yield text
