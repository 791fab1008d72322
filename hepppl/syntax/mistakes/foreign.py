"""Statements of Python, C++ and Stan."""

from __future__ import annotations

from hepppl.diagnostics import Diagnostic, nearest
from hepppl.syntax.mistakes.context import Context, Rule
from hepppl.syntax.tokens import BLOCK_KEYWORDS, ITEM_KEYWORDS, STATEMENT_KEYWORDS, Token

_FUNCTION = "a function is written `fn f(x) = e`, or `fn f(x) { …; return e }`"
_RECORD = "a record type is written `type particle { energy: energy, depth: length }`"
_PRINT = "a program prints nothing; what it returns is reported"
_IMPORT = 'another file is read with `import "file.hep"`'
_LOOP = "loops are `for i in a..b { … }` and `while c limit n { … }`"
_STAN = "here everything stands inside one `model name { … }`"
_STAN_HINT = "write `param x: real` for a parameter, `data n: int` for data, a plain `x = e` for what is computed"

_WORDS = {
    **dict.fromkeys(("def", "function", "func", "fun", "define"), _FUNCTION),
    **dict.fromkeys(("class", "struct", "record", "typedef"), _RECORD),
    **dict.fromkeys(("print", "printf", "cout", "println", "log_info"), _PRINT),
    **dict.fromkeys(("from", "using", "include", "require_once", "library"), _IMPORT),
    **dict.fromkeys(("foreach", "repeat", "loop", "do", "until"), _LOOP),
    **dict.fromkeys(("elif", "elseif", "elsif"), "a further condition is written `else if c { … }`"),
    **dict.fromkeys(("switch", "match", "case"), "choose with `if c { … } else if d { … } else { … }`"),
    **dict.fromkeys(("end", "endif", "endfor", "done", "fi"), "a block ends with `}`"),
    **dict.fromkeys(("try", "except", "catch", "raise", "throw"), "there are no exceptions; reject an event with "
                    "`require c`"),
    "pass": "an empty block is written `{ }`",
    "break": "a loop ends by its condition: `while c limit n { … }`",
    "continue": "skip the rest of a turn with `if c { … }`",
    "assert": "an event is rejected with `require c`",
    "with": "there are no `with` blocks",
    "yield": "a process gives elements with `emit e`",
    "exit": "an event ends with `return e`",
}  # fmt: skip

_DECLARES = frozenset({"let", "var", "val", "auto", "mut", "local", "global", "static", "my"})

TYPES = frozenset(
    "real int bool energy length time area angle charge p4 double float long unsigned char string void vector "
    "row_vector matrix array simplex ordered".split()
)


def _foreign_block(c: Context) -> Diagnostic | None:
    """``parameters {`` and its like."""
    if c.depth or c.at > c.start + 1:
        return None
    first = c.first
    names = {"parameters", "transformed", "generated", "functions"}
    if (first.type == "NAME" and first.text in names) or (
        first.type == "DATA" and c.tokens[c.start + 1].type == "LBRACE"
    ):
        return c.says("E112", f"`{first.text} {{ … }}` is a block of Stan; {_STAN}", _STAN_HINT, span=first.span)
    return None


def _foreign_word(c: Context) -> Diagnostic | None:
    first = c.first
    if first.type != "NAME" or c.at > c.start + 1:
        return None
    second = c.tokens[c.start + 1] if c.start + 1 < len(c.tokens) else c.token
    if first.text in _WORDS and second.type not in ("EQUAL", "TILDE"):
        return c.says("E112", f"there is no `{first.text}` statement", _hint(c), span=first.span)
    if first.text in _DECLARES and second.type == "NAME":
        hint = f"write `{second.text} = …`, or `~` for a random value"
        return c.says(
            "E112", f"`{first.text}` is not a word of the language: a value needs no keyword", hint, span=first.span
        )
    return None


def _hint(c: Context) -> str:
    """For a function of Python, what the author should have written; else the general hint."""
    line = c.tokens[c.start : c.at] + c.rest
    closed = next((t for t in line if t.type == "RPAR"), None)
    if c.first.text == "def" and len(line) > 2 and line[1].type == "NAME" and line[2].type == "LPAR" and closed:
        head = c.text(line[1], closed)
        return f"write `fn {head} {{ …; return e }}`, or `fn {head} = e`"
    return _WORDS[c.first.text]


def _misspelt(c: Context) -> Diagnostic | None:
    """``modle m {``, ``retrun x``."""
    first = c.first
    following = c.tokens[min(c.start + 1, len(c.tokens) - 1)]
    if first.type != "NAME" or c.at > c.start + 1 or following.type not in ("NAME", "NUMBER", "LBRACE", "STRING"):
        return None
    words = [w.lower() for w in (STATEMENT_KEYWORDS | BLOCK_KEYWORDS if c.depth else ITEM_KEYWORDS | {"CONST"})]
    meant = nearest(first.text, words)
    if meant is None or first.text in TYPES:
        return None
    return c.says("E100", f"`{first.text}` is not a word of the language", f"did you mean `{meant}`?", span=first.span)


def _type_first(c: Context) -> Diagnostic | None:
    """``double x = 3``, ``vector[3] x``, ``real<lower=0> x``."""
    first = c.first
    if first.type != "NAME" or c.at > c.start + 4:
        return None
    line = _line(c)
    name = None
    if first.text in TYPES:
        outside = _outside(line[1:])
        name = next((t for t in outside if t.type == "NAME"), None)
        if name is None or (outside and outside[0].type in ("EQUAL", "TILDE", "LPAR")):
            return None
    elif len(line) > 2 and line[1].type == "NAME" and line[2].type in ("EQUAL", "TILDE") and c.at == c.start + 1:
        name = line[1]
    if name is None:
        return None
    if any(t.type == "LPAR" for t in line) and first.text == "void":
        return c.says("E112", f"there is no `{first.text}` function", _FUNCTION, span=first.span)
    if any(t.type in ("EQUAL", "TILDE") for t in _outside(line)):
        hint = f"the type of a value is found by itself: write `{name.text} = …`"
        if any(t.type == "TILDE" for t in _outside(line)):
            hint = f"the type of a value is found by itself: write `{name.text} ~ …`"
        return c.says("E112", "a declaration does not begin with a type", hint, span=first.span)
    hints: tuple[str, ...] = (
        f"a parameter is declared as `param {name.text}: real`, data as `data {name.text}: real`",
    )
    if line[1].type == "LT":
        hints += (f"bounds are written `param {name.text}: real in (0, 10)`",)
    return c.says("E112", "a declaration does not begin with a type", *hints, span=first.span)


def _line(c: Context) -> list[Token]:
    return c.tokens[c.start : c.at] + c.rest


def _outside(tokens: list[Token]) -> list[Token]:
    """The tokens in no bracket, with Stan's ``<lower=0>`` taken for one."""
    out, depth = [], 0
    for token in tokens:
        if token.type in ("LPAR", "LSQB", "LT"):
            depth += 1
        elif token.type in ("RPAR", "RSQB", "GT") and depth:
            depth -= 1
        elif not depth:
            out.append(token)
    return out


def _arrow_assignment(c: Context) -> Diagnostic | None:
    """``x <- 3`` and ``x++``."""
    before = c.before
    if c.first.type != "NAME" or c.at != c.start + 1:
        return None
    name = before[-1].text if before else ""
    here, following = c.token, c.near(1)
    if here.type == "LT" and following.type == "MINUS" and here.span.end == following.span.start:
        hint = f"write `{name} = …`, or `{name} ~ …` for a random value"
        return c.says("E111", "`<-` is not part of the language", hint, span=here.span.to(following.span))
    for kind, sign in (("PLUS", "+"), ("MINUS", "-")):
        if here.type == following.type == kind and here.span.end == following.span.start:
            hint = f"write `{name} = {name} {sign} 1`"
            return c.says(
                "E111", f"`{sign}{sign}` is not part of the language", hint, span=here.span.to(following.span)
            )
    return None


def _annotated(c: Context) -> Diagnostic | None:
    """``x: real = 3``."""
    if c.token.type == "COLON" and c.depth and c.at == c.start + 1 and c.first.type == "NAME" and not c.in_fields:
        name = c.first.text
        if c.near(1).type in ("NAME", "STRING"):
            hints = (f"the type of a value is found by itself: write `{name} = …`", f"or declare `param {name}: …`")
            return c.says("E112", "only parameters, data and arguments are given a type", *hints)
    return None


RULES: tuple[Rule, ...] = (_foreign_block, _foreign_word, _misspelt, _type_first, _arrow_assignment, _annotated)
