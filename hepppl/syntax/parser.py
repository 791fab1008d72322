from __future__ import annotations

from lark import UnexpectedToken

from hepppl.diagnostics import Diagnostic, Source, Span
from hepppl.diagnostics.errors import HepSyntaxError
from hepppl.syntax import ast
from hepppl.syntax.grammar import tables
from hepppl.syntax.layout import lay_out
from hepppl.syntax.tokens import Token


def parse(source: Source) -> ast.File:
    """The AST of a program. Raises `HepSyntaxError` with all the mistakes found."""
    lark = tables()
    comments, tokens = [], []
    for t in lark.lex(source.text):
        span = Span(source, t.start_pos, t.end_pos)
        if t.type == "COMMENT":
            comments.append(ast.Comment(span, str(t).rstrip(), not source.text[source.line_starts[span.line - 1]:span.start].strip()))
        else:
            tokens.append(Token(t.type, str(t), span))
    end = Span(source, len(source.text), len(source.text))
    state = lark.parse_interactive().parser_state
    try:
        for token in lay_out(tokens):
            state.feed_token(token)
        items = state.feed_token(Token("$END", "", end), True)
    except UnexpectedToken as e:
        raise HepSyntaxError(Diagnostic("E100", f"unexpected '{e.token.text}'", e.token.span)) from None
    return ast.File(Span(source, 0, len(source.text)), tuple(items), tuple(comments))
