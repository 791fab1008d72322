"""What an author probably meant where the grammar has no way on, and how to say so.

Each rule looks at the place where the parser stopped and either explains it or passes. The first explanation counts;
what no rule knows is told as what was found and what was expected.
"""

from __future__ import annotations

from hepppl.diagnostics import Diagnostic
from hepppl.syntax.expected import expected, found
from hepppl.syntax.mistakes import declarations, expressions, foreign, headers
from hepppl.syntax.mistakes.context import Context as Context

_RULES = (*foreign.RULES, *headers.RULES, *declarations.RULES, *expressions.RULES)


def explain(c: Context) -> Diagnostic:
    """Why the parser stopped there, as a person would say it."""
    for rule in _RULES:
        diagnostic = rule(c)
        if diagnostic is not None:
            return diagnostic
    wanted = expected(c.accepts)
    if c.at_end and c.previous is not None:
        return c.says("E100", f"expected {wanted} after {found(c.previous)}", span=c.previous.span)
    return c.says("E100", f"expected {wanted}, found {found(c.token)}")
