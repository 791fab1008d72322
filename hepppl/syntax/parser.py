"""The parser: tokens through lark's LALR tables, and on again after a mistake.

What an author got wrong in one statement says nothing about the next. So when the tables have no way on, the mistake is
explained (`mistakes.explain`), the parser goes back to where the statement began, takes the declared token ``BROKEN``
in its place, and goes on at the end of the statement, or inside its block. The tree of such a run is never seen.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hepppl import _memory
from hepppl.diagnostics import HepSyntaxError, Source, Span
from hepppl.syntax import ast
from hepppl.syntax.builder import Mistake
from hepppl.syntax.depth import check_depth
from hepppl.syntax.grammar import tables
from hepppl.syntax.layout import lay_out
from hepppl.syntax.lexer import tokenize
from hepppl.syntax.mistakes import Context, explain
from hepppl.syntax.report import Report, Stop
from hepppl.syntax.tokens import BLOCK_KEYWORDS, ITEM_KEYWORDS, UNFINISHED, Token


@_memory.uncollected
def parse(source: Source) -> ast.File:
    """The syntax tree of a program, with the exact place of every part.

    Raises `HepSyntaxError` with all the mistakes found, in the order of the text.
    """
    report = Report()
    items: list[ast.Item | ast.ConstStmt] = []
    comments: list[ast.Comment] = []
    try:
        tokens, comments = tokenize(source, report)
        end = Span(source, len(source.text), len(source.text))
        items = _Parser(lay_out(tokens, end, report), report).run()
        for item in items:
            check_depth(item, report)
    except Stop:
        pass
    if report.diagnostics:
        raise HepSyntaxError(report.sorted())
    return ast.File(Span(source, 0, len(source.text)), tuple(items), tuple(comments))


@dataclass
class _Frame:
    """A block being read, or the file: where its present statement began."""

    first: int  # the index of the statement's first token
    height: int  # how many states the parser had stacked before it
    fed: int  # how many tokens the parser had taken before it
    fields: bool = False  # the braces of a record type, which hold fields


class _Stuck(Exception):
    """The tables have no way on."""


class _Parser:
    def __init__(self, tokens: list[Token], report: Report):
        self.tokens = tokens
        self.report = report
        self.tables = tables()
        self.states = [self.tables.start]
        self.values: list[Any] = []
        self.fed: list[Token] = []  # what the parser has taken, BROKEN included
        self.frames = [_Frame(0, 1, 0)]
        self.at = 0
        self.told_until = 0  # mistakes before this token have been dealt with
        self.resumed_at = -1
        self.stray = ""  # the message of the last mistake at file level, where only nonsense was read since

    def run(self) -> list[ast.Item | ast.ConstStmt]:
        """The items of the file. All mistakes are in the report."""
        last = len(self.tokens) - 1
        while True:
            token = self.tokens[self.at]
            try:
                self._feed(token)
            except _Stuck:
                self._recover(None)
                continue
            except Mistake as mistake:
                self._recover(mistake)
                continue
            if self.at == last:
                return self.values[-1]
            self.at += 1
            self._keep_frames(token.type)

    def _feed(self, token: Token) -> None:
        """One token through the automaton: complete all rules that end before it, then take it."""
        actions, goto = self.tables.actions, self.tables.goto
        states, values, kind = self.states, self.values, token.type
        while True:
            action = actions[states[-1]].get(kind)
            if action is None:
                raise _Stuck
            if isinstance(action, int):
                states.append(action)
                values.append(token)
                self.fed.append(token)
                return
            size, rule, build = action
            parts: list[Any] = []
            if size:
                parts = values[-size:]
                del states[-size:], values[-size:]
            states.append(goto[states[-1]][rule])
            values.append(build(parts))
            if kind == "$END" and states[-1] == self.tables.end:
                return

    def _keep_frames(self, kind: str) -> None:
        frame = self.frames[-1]
        if kind == "_NL":
            frame.first, frame.height, frame.fed = self.at, len(self.states), len(self.fed)
        elif kind == "LBRACE":
            fields = self.tokens[frame.first].type == "TYPE"
            self.frames.append(_Frame(self.at, len(self.states), len(self.fed), fields))
        elif kind == "RBRACE":
            self.frames.pop()

    # ------------------------------------------------------------ going on after a mistake

    def _recover(self, mistake: Mistake | None) -> None:
        inside = self.frames[-1].fields
        if inside:
            self.frames.pop()
        frame = self.frames[-1]
        if self.at == self.resumed_at:  # nothing was taken since the last mistake: never twice at the same place
            if self.tokens[self.at].type == "$END":
                raise Stop
            self.at += 1
        self._tell(frame, mistake, inside)
        if not self.report.diagnostics:  # whatever was passed over in silence must not pass for a program
            self.report.add("E100", "this is not understood", self.tokens[self.at].span)
        del self.states[frame.height :], self.values[frame.height - 1 :], self.fed[frame.fed :]
        self._feed(Token("BROKEN", "", self.tokens[frame.first].span))
        self.at = self._resume(frame, inside)
        self.told_until = self.resumed_at = self.at

    def _resume(self, frame: _Frame, inside: bool) -> int:
        """Where to go on: the end of the statement, or the brace that opens its block."""
        tokens, at = self.tokens, self.at
        if inside:
            at = self._after_braces(at)
        first = tokens[frame.first]
        while True:
            kind = tokens[at].type
            if kind in ("$END", "RBRACE"):
                return at
            if kind == "_NL":
                if at == self.at and tokens[at + 1].type == "LBRACE":  # the brace of a header, one line too low
                    return at + 1
                if at == self.at and self._goes_on(first, at):
                    at += 1
                    continue
                return at
            if kind == "LBRACE" and first.type != "TYPE" and not inside and self._is_block(frame, at):
                return at
            if kind == "LBRACE":
                at = self._after_braces(at + 1)
            else:
                at += 1

    def _goes_on(self, first: Token, at: int) -> bool:
        """Whether the next line seems to continue an unfinished one: it stands further right."""
        following = self.tokens[at + 1]
        return self.tokens[at - 1].type in UNFINISHED and following.span.column > first.span.column

    def _is_block(self, frame: _Frame, at: int) -> bool:
        """Whether what follows a brace reads like statements, not like the elements of a set."""
        first = self.tokens[frame.first]
        if first.type in BLOCK_KEYWORDS or first.type in ITEM_KEYWORDS:
            return self.tokens[at - 1].type not in ("EQUAL", "LPAR", "LSQB", "COMMA", "TILDE")
        source = first.span.source.text
        line = source[self.tokens[at].span.end :].partition("\n")[0] if first.type == "NAME" else ""
        stan = len(self.frames) == 1 and first.type in ("DATA", "NAME") and first.text in _STAN_BLOCKS
        return first.type == "NAME" and not stan and not line.partition("#")[0].strip()

    def _after_braces(self, at: int) -> int:
        """What follows the closing brace of the block in which ``at`` lies."""
        depth = 1
        while depth and self.tokens[at].type != "$END":
            depth += {"LBRACE": 1, "RBRACE": -1}.get(self.tokens[at].type, 0)
            at += 1
        return at

    # ------------------------------------------------------------ what to say

    def _tell(self, frame: _Frame, mistake: Mistake | None, inside: bool) -> None:
        if self.at < self.told_until or (self.told_until > frame.first and self._same_line(self.told_until, self.at)):
            return  # the rest of a statement that has been spoken of
        start = frame.first
        for i in range(self.at - 1, frame.first, -1):
            if self.tokens[i].type in ("LBRACE", "RBRACE", "_NL"):
                start = i
                break
        stop = self.at
        while self.tokens[stop].type not in ("_NL", "$END", "LBRACE", "RBRACE"):
            stop += 1
        begin = self.tokens[start - 1].span.end if start else 0
        if self.report.within(begin, self.tokens[stop].span.start + 1):
            return
        if self._python_else(frame):
            return
        diagnostic = mistake.diagnostic if mistake else explain(self._context(frame, inside))
        if len(self.frames) == 1:
            first = self.tokens[frame.first]
            nonsense = first.type not in ITEM_KEYWORDS and first.type != "CONST"
            if nonsense and self.stray and (diagnostic.message == self.stray or first.span.column > 1):
                return
            self.stray = diagnostic.message if nonsense else ""
        self.report.take(diagnostic)

    def _python_else(self, frame: _Frame) -> bool:
        """``else:`` and ``elif c:`` after an ``if c:`` that has been reported."""
        stop = self.at
        while self.tokens[stop].type not in ("_NL", "RBRACE", "$END"):
            stop += 1
        branch = self.tokens[self.at].type == "ELSE" or self.tokens[frame.first].text == "elif"
        return (
            branch and self.tokens[stop - 1].type == "COLON" and any(d.code == "E115" for d in self.report.diagnostics)
        )

    def _same_line(self, a: int, b: int) -> bool:
        return not any(self.tokens[i].type in ("_NL", "LBRACE", "RBRACE") for i in range(min(a, b), max(a, b)))

    def _context(self, frame: _Frame, inside: bool) -> Context:
        return Context(self.tokens, frame.first, self.at, len(self.frames) - 1, inside, self._expected(frame))

    def _expected(self, frame: _Frame) -> frozenset[str]:
        """The terminals that could stand where the parser stopped.

        The state in which it stopped does not tell: it has finished rules that an operator could have continued. So
        the statement is read once more up to there.
        """
        states = self.states[: frame.height]
        for token in self.fed[frame.fed :]:
            self._advance(states, token.type)
        terminals = self.tables.actions[states[-1]]
        return frozenset(terminal for terminal in terminals if self._advance(list(states), terminal))

    def _advance(self, states: list[int], terminal: str) -> bool:
        """As `_feed`, without building anything; False where there is no way on."""
        actions, goto = self.tables.actions, self.tables.goto
        while True:
            action = actions[states[-1]].get(terminal)
            if action is None:
                return False
            if isinstance(action, int):
                states.append(action)
                return True
            size, rule, _ = action
            if size:
                del states[-size:]
            states.append(goto[states[-1]][rule])
            if terminal == "$END" and states[-1] == self.tables.end:
                return True


_STAN_BLOCKS = frozenset({"data", "parameters", "transformed", "generated", "functions"})
