"""The name that was probably meant."""

from __future__ import annotations

from collections.abc import Iterable


def nearest(name: str, candidates: Iterable[str]) -> str | None:
    """The candidate closest to ``name``, or None where none is close enough to be worth offering.

    Distance counts insertions, deletions, substitutions and swaps of neighbours, after case and underscores are
    ignored; up to a third of the letters may differ. Ties go to the candidate that agrees in case, then to the first
    in the alphabet. Where none is as close as that, a name of three letters or more may be the beginning of one.
    """
    candidates = list(candidates)
    best: tuple[int, int, str] | None = None
    plain = _plain(name)
    for candidate in candidates:
        if candidate == name:
            continue
        allowed = max(len(plain), len(_plain(candidate))) // 3
        distance = _distance(plain, _plain(candidate), allowed)
        if distance > allowed:
            continue
        key = (distance, _distance(name, candidate, len(name) + len(candidate)), candidate)
        if best is None or key < best:
            best = key
    if best:
        return best[2]
    longer = [c for c in candidates if len(plain) > 2 and _plain(c).startswith(plain) and c != name]
    return min(longer, key=lambda c: (len(c), c), default=None)


def _plain(name: str) -> str:
    return name.casefold().replace("_", "")


def _distance(a: str, b: str, limit: int) -> int:
    """Damerau-Levenshtein distance (optimal string alignment); anything above ``limit`` is as good as any other."""
    if abs(len(a) - len(b)) > limit:
        return limit + 1
    before: list[int] = []
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        before, row, above = row, [i], before
        for j, y in enumerate(b, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (x != y))
            if i > 1 and j > 1 and x == b[j - 2] and a[i - 2] == y:
                cost = min(cost, above[j - 2] + 1)
            row.append(cost)
        if min(row) > limit:
            return limit + 1
    return row[-1]
