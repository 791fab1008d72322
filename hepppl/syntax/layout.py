"""Between the lexer and the parser: which line ends count, and whether the brackets match.

A statement ends with its line or with ";". Line ends inside ( ) and [ ], after "{", before "}" and before "else" do not
count; those that do become one ``_NL`` token.

Brackets are matched here, over the whole file, because a missing one is best seen from afar: what comes out is always
balanced (mistakes are reported and repaired), so that one lost bracket does not spoil the rest of the file.
"""

from __future__ import annotations

from dataclasses import dataclass

from hepppl.diagnostics import Span
from hepppl.syntax.report import MAX_BRACKETS, Report, Stop
from hepppl.syntax.tokens import (
    CLOSERS,
    ITEM_KEYWORDS,
    OPENERS,
    STATEMENT_KEYWORDS,
    SYMBOLS,
    UNFINISHED,
    Token,
)

_NOT_A_NEW_LINE = frozenset({"EQUAL", "COLON", "COMMA", "RPAR", "RSQB", "DOT", "TILDE", "$END"})


@dataclass
class _Open:
    """A bracket not yet closed."""

    token: Token
    at: int  # its index in the input
    out: int  # its index in the output
    indent: int  # of its line


def lay_out(tokens: list[Token], end: Span, report: Report) -> list[Token]:
    """The tokens the parser reads, up to and including ``$END``."""
    return _Layout([*tokens, Token("$END", "", end)], report).run()


class _Layout:
    def __init__(self, tokens: list[Token], report: Report):
        self.tokens = tokens
        self.report = report
        self.out: list[Token] = []
        self.open: list[_Open] = []
        self.soft: list[tuple[int, int]] = []  # line ends inside ( ) and [ ]: their indices in the input and the output
        self.suspect: _Open | None = None  # a brace whose partner seems to stand further left than itself
        # Where no closing brace is lacking in the whole file, an item inside a block is no sign of one.
        self.lacking = sum((t.type == "LBRACE") - (t.type == "RBRACE") for t in tokens)
        self.at = 0
        self.line_start = True
        self.indent = 0

    def run(self) -> list[Token]:
        while self.at < len(self.tokens):
            token = self.tokens[self.at]
            if token.type == "NEWLINE":
                self._newline(token)
            else:
                if self.line_start:
                    self.indent = token.span.column
                self._token(token)
                self.line_start = False
            self.at += 1
        return [t for t in self.out if t.type != "NEWLINE"]

    # ------------------------------------------------------------ line ends

    def _newline(self, token: Token) -> None:
        self.line_start = True
        if self._in_round():
            self.soft.append((self.at, len(self.out)))
            self.out.append(token)  # dropped at the end
        else:
            self._end_statement(token)

    def _end_statement(self, token: Token) -> None:
        if self.out and self.out[-1].type not in ("LBRACE", "_NL"):
            self.out.append(Token("_NL", token.text, token.span))

    def _in_round(self) -> bool:
        return bool(self.open) and self.open[-1].token.type != "LBRACE"

    # ------------------------------------------------------------ tokens

    def _token(self, token: Token) -> None:
        kind = token.type
        if self._in_round() and self._cannot_be_inside(token) and self._close_round(token):
            return  # reading goes on from an earlier place
        if kind in ITEM_KEYWORDS and self.line_start:
            self._close_braces(token)
        if kind == "SEMICOLON":
            if not self._in_round():
                self._end_statement(token)
            return
        if kind in ("RBRACE", "ELSE", "$END"):
            if kind == "$END":
                self._close_braces(token)
            if self.out and self.out[-1].type == "_NL":
                self.out.pop()
        if kind in OPENERS:
            self._opener(token)
        elif kind in CLOSERS:
            self._closer(token)
        elif kind == "GE" and self._closes_unit():
            middle = token.span.start + 1
            self.out.append(Token("GT", ">", Span(token.span.source, token.span.start, middle)))
            self.out.append(Token("EQUAL", "=", Span(token.span.source, middle, token.span.end)))
        else:
            self.out.append(token)

    def _opener(self, token: Token) -> None:
        if len(self.open) == MAX_BRACKETS:
            message = f"brackets are nested more than {MAX_BRACKETS} deep"
            self.report.add("E107", message, token.span, "give the inner parts names of their own")
            raise Stop
        self.open.append(_Open(token, self.at, len(self.out), self.indent))
        self.out.append(token)

    def _closer(self, token: Token) -> None:
        kind = token.type
        symbol = SYMBOLS[kind]
        if not self.open or (kind != "RBRACE" and not self._in_round()):
            self.report.add("E106", f"`{symbol}` closes nothing: no `{SYMBOLS[CLOSERS[kind]]}` is open", token.span)
            return
        last = self.open[-1]
        if last.token.type != CLOSERS[kind] and not self._is_interval(last):
            wanted = OPENERS[last.token.type]
            if any(o.token.type == CLOSERS[kind] for o in self._round()):
                self._report_open(last)
                self._insert(wanted, self.out[-1])
                self._closer(token)
                return
            message = f"`{symbol}` cannot close `{last.token.text}`"
            labels = ((last.token.span, "opened here"),)
            self.report.add("E106", message, token.span, f"write `{SYMBOLS[wanted]}`", labels=labels)
            token = Token(wanted, SYMBOLS[wanted], token.span)
        if kind == "RBRACE" and self.line_start and self.suspect is None and token.span.column < last.indent:
            self.suspect = last
        self.open.pop()
        self.out.append(token)

    def _round(self) -> list[_Open]:
        """The brackets open since the last brace."""
        braces = [i for i, o in enumerate(self.open) if o.token.type == "LBRACE"]
        return self.open[braces[-1] + 1 if braces else 0 :]

    def _is_interval(self, opened: _Open) -> bool:
        """``in (0, 1]`` is the one place where unlike brackets belong together."""
        return opened.token.type != "LBRACE" and opened.out > 0 and self.out[opened.out - 1].type == "IN"

    def _closes_unit(self) -> bool:
        """Whether ``>=`` ends a unit and begins a default: ``param x: real<GeV>= 3``."""
        i = len(self.out) - 1
        while i > 0 and self.out[i].type in ("NAME", "STAR", "SLASH", "CARET", "NUMBER", "MINUS", "PLUS"):
            i -= 1
        return i > 1 and self.out[i].type == "LT" and self.out[i - 1].type == "NAME" and self.out[i - 2].type == "COLON"

    # ------------------------------------------------------------ brackets that were never closed

    def _cannot_be_inside(self, token: Token) -> bool:
        """Whether a token shows that the round or square bracket around it must have been forgotten."""
        kind = token.type
        if kind in ("RBRACE", "$END"):
            return True
        if kind == "LBRACE":  # "if (a > b {", but not "f({1, 2})"
            last = next(t for t in reversed(self.out) if t.type != "NEWLINE")
            return last.type not in ("LPAR", "LSQB", "COMMA", "EQUAL")
        if kind == "SEMICOLON":
            first = self._round()[0]
            return not (first.out > 0 and self.out[first.out - 1].type in ("FOR", "WHILE", "IF"))  # for (int i = 0; …
        if not self.line_start:
            return False
        following = self.tokens[self.at + 1].type
        return (kind in STATEMENT_KEYWORDS or kind in ITEM_KEYWORDS) and following not in _NOT_A_NEW_LINE

    def _close_round(self, token: Token) -> bool:
        """Close what is open before ``token``, or at the end of the line where it should have been closed, and go on
        reading from there. True where that is an earlier place."""
        place = self._likely_end(self._round()[0])
        if place is not None:
            self.at = place[0] - 1
            self.out = self.out[: place[1]]
            self.soft = [(at, out) for at, out in self.soft if out < place[1]]
            self.open = [o for o in self.open if o.out < place[1]]
        while self.out[-1].type == "NEWLINE":
            self.out.pop()
        last = self.out[-1]
        opened = self._round()
        self._report_open(opened[-1])
        for o in reversed(opened):
            self._insert(OPENERS[o.token.type], last)
        if place is None and self.line_start and token.type not in ("RBRACE", "$END"):
            self._end_statement(token)
        self.line_start = self.line_start and place is None
        return place is not None

    def _likely_end(self, opened: _Open) -> tuple[int, int] | None:
        """The first line end after a bracket (its indices in the input and the output) where the line below looks like
        a statement of its own."""
        for at, out in self.soft:
            finished = out > opened.out and self.out[out - 1].type not in UNFINISHED
            if finished and self._begins_statement(at + 1):
                return at, out
        return None

    def _begins_statement(self, at: int) -> bool:
        first, second = self.tokens[at].type, self.tokens[min(at + 1, len(self.tokens) - 1)].type
        if first == "NAME":
            return second in ("EQUAL", "TILDE")
        return (first in STATEMENT_KEYWORDS and second not in _NOT_A_NEW_LINE) or first in ("IF", "FOR", "RBRACE")

    def _report_open(self, opened: _Open) -> None:
        symbol, wanted = opened.token.text, SYMBOLS[OPENERS[opened.token.type]]
        last = next(t for t in reversed(self.out) if t.type != "NEWLINE")
        labels: tuple[tuple[Span, str], ...] = ()
        if last is not opened.token:
            labels = ((last.span, f"`{wanted}` expected after this"),)
        if not self.report.within(opened.token.span.start, last.span.end):  # say, a string that swallowed it
            self.report.add("E105", f"`{symbol}` is never closed", opened.token.span, labels=labels)

    def _insert(self, kind: str, after: Token) -> None:
        self.out.append(Token(kind, SYMBOLS[kind], Span(after.span.source, after.span.end, after.span.end)))
        self.open.pop()

    def _close_braces(self, token: Token) -> None:
        """Close the blocks that are open where an item begins (or the file ends)."""
        column = token.span.column if token.type != "$END" else 0
        outermost = next((i for i, o in enumerate(self.open) if o.indent >= column), None)
        if outermost is None or (self.lacking <= 0 and token.type != "$END"):
            return
        missing = self.open[outermost:]
        if self.tokens[min(self.at + 1, len(self.tokens) - 1)].type in _NOT_A_NEW_LINE and token.type != "$END":
            return  # a reserved word used as a name
        suspect = self.suspect if self.suspect is not None else missing[-1]
        where = "before the end of the file" if token.type == "$END" else f"before `{token.text}`"
        labels = () if token.type == "$END" else ((token.span, "this begins outside of all blocks"),)
        message = f"`{{` is not closed {where}"
        self.report.add("E105", message, suspect.token.span, "a block ends with `}`", labels=labels)
        self.suspect = None
        while self.out[-1].type == "_NL":
            self.out.pop()
        last = self.out[-1]
        for opened in reversed(missing):
            self._insert(OPENERS[opened.token.type], last)
            self.lacking -= opened.token.type == "LBRACE"
        if token.type != "$END":
            self._end_statement(token)
