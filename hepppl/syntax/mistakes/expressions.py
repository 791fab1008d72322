"""Expressions: missing values and operators, ``=`` for ``==``, conditions and brackets of other languages."""

from __future__ import annotations

from hepppl.diagnostics import Diagnostic, Label
from hepppl.syntax.expected import expected, found
from hepppl.syntax.mistakes.context import Context, Rule, is_word
from hepppl.syntax.tokens import CLOSERS, OPENERS, STATEMENT_KEYWORDS, SYMBOLS

_CONTINUE = "to go on in the next line, put the whole expression in parentheses"
_FROM_ABOVE = "to go on from the line above, put the whole expression in parentheses"
_HEADS = frozenset({"IF", "ELSE", "WHILE", "FOR", "PLATE"})
_STARTS = frozenset({"NAME", "NUMBER", "STRING", "TRUE", "FALSE", "LPAR", "LSQB", "LBRACE"})


def _missing_value(c: Context) -> Diagnostic | None:
    token, previous = c.token, c.previous
    if not c.value_expected or previous is None:
        return None
    if c.at_end:
        hints = (_CONTINUE,) if previous.type not in ("EQUAL", "TILDE") and c.near(1).type in _STARTS else ()
        if previous.type == "RETURN":
            hints = ("a model returns a value or a record: `return (depth = d, count = n)`",)
        return c.says("E109", f"a value is missing after `{previous.text}`", *hints, span=previous.span)
    if token.type in CLOSERS or token.type in ("COMMA", "DOTDOT", "LBRACE", "THEN", "ELSE", "FOR", "LIMIT", "BY"):
        if token.type == "LBRACE" and (c.opened or not c.before or c.before[0].type not in _HEADS):
            return _set(c)
        if previous.type in OPENERS and token.type == OPENERS[previous.type]:
            span = previous.span.to(token.span)
            return c.says("E109", f"a value is missing between `{previous.text}` and `{token.text}`", span=span)
        return c.says("E109", f"a value is missing before `{token.text}`")
    return None


def _set(c: Context) -> Diagnostic | None:
    return c.says(
        "E112", "braces enclose statements, not values", "an array is written `[1, 2]`, a record `(a = 1, b = 2)`"
    )


def _operator_first(c: Context) -> Diagnostic | None:
    """A line that begins with an operator, or an operator without its left side."""
    token = c.token
    if token.type not in SYMBOLS or token.type in OPENERS or token.type in CLOSERS:
        return None
    if c.at == c.start and c.depth and token.type in ("PLUS", "MINUS", "STAR", "SLASH", "PERCENT", "CARET", "DOT"):
        return c.says("E108", f"a statement cannot begin with `{token.text}`", _FROM_ABOVE)
    return None


def _comparison(c: Context) -> Diagnostic | None:
    """``if a = b`` and ``x = y = 1``."""
    if c.token.type != "EQUAL" or not c.after_value:
        return None
    in_condition = c.has("IF") and not c.has("THEN")
    if (
        not c.opened
        and c.first.type in ("NAME", "CONST", "UNIT")
        and (c.has("EQUAL") or c.has("TILDE"))
        and not in_condition
    ):
        return _two_on_a_line(c) or c.says("E110", "a second `=` in one statement", "to compare, write `==`")
    if c.opened and c.opened[-1].type == "LPAR" and c.previous and c.near(-2).type == "DOT":
        return c.says("E100", "an argument is named by a name alone", "write `energy = p.energy`")
    left, right = c.previous, c.near(1)
    if c.first.type in ("EMIT", "RETURN") and c.at == c.start + 2 and left and left.type == "NAME":
        hint = f"write `{c.first.text} ({left.text} = …)`; to compare, write `==`"
        return c.says("E110", "a record stands in parentheses", hint, span=left.span.to(c.token.span))
    simple = left and left.type in ("NAME", "NUMBER") and right.type in ("NAME", "NUMBER", "TRUE", "FALSE")
    hints = (f"write `{left.text} == {right.text}`",) if left and simple else ()
    return c.says("E110", "`=` gives a name its value; a comparison is written `==`", *hints)


def _two_on_a_line(c: Context) -> Diagnostic | None:
    """``x = 1 y = 2``: the second name was taken for a unit."""
    if c.previous and c.previous.type == "NAME" and c.near(-2).type == "NUMBER" and c.token.type in ("EQUAL", "TILDE"):
        label = Label(c.previous.span, "a new statement")
        message = "expected the end of the statement after this number"
        return c.says(
            "E108", message, "put the next statement on a line of its own", span=c.near(-2).span, labels=(label,)
        )
    return None


def _second_tilde(c: Context) -> Diagnostic | None:
    if c.token.type != "TILDE" or not c.after_value:
        return None
    return _two_on_a_line(c) or c.says(
        "E100",
        "`~` stands only directly after the name of a random value",
        "draw it in a statement of its own: `x ~ …`",
    )


def _condition(c: Context) -> Diagnostic | None:
    """``a if c else b``, ``if c then a`` without ``else``, generators."""
    token = c.token
    if token.type == "IF":
        if c.after_value and any(t.type == "ELSE" for t in c.rest):
            return c.says("E112", "a choice is written with the condition first", "write `if c then a else b`")
        if c.value_expected and c.previous:
            return c.says(
                "E100", "`if … then … else …` needs parentheses inside an operation", "write `(if c then a else b)`"
            )
    if token.type == "NOT" and c.value_expected:
        return c.says("E100", "`not` needs parentheses inside an operation", "write `(not c)`")
    if token.type == "FOR" and c.after_value and c.opened:
        return c.says("E112", "values made in a row stand in an array", "write `sum([f(i) for i in 0..n])`")
    if not c.after_value:
        return None
    if "THEN" in c.accepts and "LBRACE" not in c.accepts and token.type in _STARTS:
        message, hint = "`then` is missing after this condition", "a choice is written `if c then a else b`"
        return c.says("E118", message, hint, span=c.previous.span if c.previous else None)
    if not c.at_end and token.type not in CLOSERS and token.type not in ("COMMA", "ELSE", "COLON", "LBRACE"):
        return None
    span = c.previous.span if c.previous else None
    if "ELSE" in c.accepts:
        return c.says("E118", "this `if … then …` has no `else`", "a value needs both: `if c then a else b`", span=span)
    if "THEN" in c.accepts and "LBRACE" not in c.accepts:
        return c.says(
            "E118", "`then` is missing after this condition", "a choice is written `if c then a else b`", span=span
        )
    return None


def _range(c: Context) -> Diagnostic | None:
    token = c.token
    if token.type == "COLON" and c.opened and c.opened[-1].type == "LSQB" and (c.after_value or c.value_expected):
        return c.says("E112", "a part of an array is written with two points", "write `a[1..3]`")
    if token.type == "DOTDOT" and c.after_value:
        hint = "write `[i for i in a..b]` for an array of whole numbers"
        return c.says("E100", "a range stands after the `in` of a loop, or between `[` and `]` after an array", hint)
    inside = c.opened and c.opened[-1].type == "LSQB" and any(t.type == "IN" for t in c.before)
    if inside and token.type == "IF" and any(t.type == "DOTDOT" for t in c.before):
        hint = "give the others a neutral value: `if c then x else 0`"
        return c.says("E112", "an array takes every index of its range: there is no filter", hint)
    if inside and "DOTDOT" in c.accepts and token.type in ("RSQB", "IF", "COLON"):
        hint = "write `[f(x[i]) for i in 0..len(x)]`"
        return c.says("E112", "the index of an array runs over a range `a..b`", hint)
    if (token.type == "IN" or (token.type == "NOT" and c.near(1).type == "IN")) and c.after_value:
        return c.says("E112", "`in` compares nothing here", "write `low < x < high`")
    if token.type == "COLON" and c.opened and c.opened[-1].type == "LPAR" and "EQUAL" in c.accepts:
        return c.says("E112", "an argument is named with `=`", f"write `{c.previous.text if c.previous else 'x'} = …`")
    return None


def _lambda(c: Context) -> Diagnostic | None:
    previous = c.previous
    if (
        previous
        and previous.text in ("lambda", "function", "fn")
        and c.token.type in ("NAME", "LPAR")
        and c.after_value
    ):
        return c.says("E112", "a function of one argument is written `x -> e`", span=previous.span)
    if c.token.type == "FN" and c.value_expected:
        return c.says(
            "E112", "a function of one argument is written `x -> e`", "or name it at file level: `fn f(x) = e`"
        )
    if c.token.type == "ARROW" and c.after_value:
        return c.says("E100", "on the left of `->` stands one name", "write `v -> e`")
    return None


def _list(c: Context) -> Diagnostic | None:
    """``(a, b)`` and ``return a, b``."""
    if c.token.type != "COMMA" or not c.after_value:
        return None
    if c.opened and c.opened[-1].type == "LPAR":
        hint = "write `[a, b]` for an array, `(x = a, y = b)` for a record"
        return c.says("E112", "there are no tuples", hint)
    if not c.opened:
        word = c.first.text if c.first.type in ("RETURN", "EMIT") else "x ="
        hint = f"write `{word} (x = a, y = b)`" if word != "x =" else "write a statement for each, or an array `[a, b]`"
        return c.says("E112", "several values stand in a record or an array", hint)
    return None


def _unnamed(c: Context) -> Diagnostic | None:
    """``(x = 1, y)``."""
    if c.accepts == {"EQUAL"} and c.opened and c.previous and c.previous.type == "NAME" and c.near(-2).type == "COMMA":
        name = c.previous.text
        return c.says("E100", "every field of a record has a name", f"write `{name} = {name}`", span=c.previous.span)
    return None


def _number_call(c: Context) -> Diagnostic | None:
    """``2 GeV (x)``."""
    if c.token.type == "LPAR" and c.after_value and c.near(-2).type == "NUMBER" and c.previous:
        return c.says("E122", f"a `*` is missing between `{c.text(c.near(-2), c.previous)}` and `(`")
    return None


def _juxtaposed(c: Context) -> Diagnostic | None:
    """Two values, or two statements, with nothing between them."""
    token, previous = c.token, c.previous
    if (
        previous is None
        or not c.after_value
        or not (token.type in _STARTS or is_word(token) or token.type in ("TILDE", "COLON", "ARROW"))
    ):
        return None
    if token.type == "NUMBER" and token.text.startswith(".") and token.span.start == previous.span.end:
        hint = f"write `{previous.text}[{token.text[1:]}]`"
        return c.says("E100", "an element of an array is taken with brackets", hint)
    between = f"between `{previous.text}` and `{token.text}`"
    label = Label(token.span, "unexpected")
    if c.opened:
        closer = SYMBOLS[OPENERS[c.opened[-1].type]]
        if "COMMA" in c.accepts:
            return c.says(
                "E100", f"expected an operator, `,` or `{closer}` {between}", span=previous.span, labels=(label,)
            )
        return c.says("E100", f"expected an operator or `{closer}` {between}", span=previous.span, labels=(label,))
    if not c.accepts & {"_NL", "RBRACE", "$END"}:
        return None
    hints: tuple[str, ...] = ()
    if token.type in STATEMENT_KEYWORDS or c.near(1).type in ("EQUAL", "TILDE"):
        hints = ("put the next statement on a line of its own",)
        label = Label(token.span, "a new statement")
    message = f"expected an operator or the end of the statement {between}"
    return c.says("E108", message, *hints, span=previous.span, labels=(label,))


def _stops_early(c: Context) -> Diagnostic | None:
    """A statement that ends where something else had to follow: tell at the last good token."""
    if c.previous is not None and c.previous.type == "DOT" and "NAME" in c.accepts:
        return c.says(
            "E100",
            f"expected the name of a field after `.`, found {found(c.token)}",
            span=c.previous.span if c.at_end else None,
        )
    if c.at_end and c.previous is not None and c.previous.type not in ("_NL", "LBRACE", "RBRACE"):
        wanted = expected(c.accepts)
        return c.says("E100", f"expected {wanted} after `{c.previous.text}`", span=c.previous.span)
    return None


RULES: tuple[Rule, ...] = (
    _missing_value,
    _operator_first,
    _comparison,
    _second_tilde,
    _condition,
    _range,
    _lambda,
    _list,
    _unnamed,
    _number_call,
    _juxtaposed,
    _stops_early,
)
