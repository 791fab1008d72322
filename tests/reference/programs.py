"""Programs to run: those of the corpus and the examples."""

from __future__ import annotations

from tests.corpus.programs import EXAMPLES, FILES, load, program

__all__ = ["EXAMPLES", "FILES", "load", "program"]
