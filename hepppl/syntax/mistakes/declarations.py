"""Declarations and their clauses: names, types, intervals, the order of the parts, units, what may be assigned to."""

from __future__ import annotations

from hepppl.diagnostics import Diagnostic
from hepppl.syntax.expected import ENDS, OPERATORS, found
from hepppl.syntax.mistakes.context import Context, Rule, is_word
from hepppl.syntax.tokens import CLOSERS, ITEM_KEYWORDS, OPENERS, STATEMENT_KEYWORDS

_NAMED = {"PARAM": "x", "DATA": "n", "CONST": "n", "NET": "f", "OBSERVE": "n", "FN": "f", "PROCESS": "p", "MODEL": "m",
          "TYPE": "t", "UNIT": "u"}  # fmt: skip
_ORDER = {
    "PARAM": "param {0}: type in (low, high) ~ prior = default",
    "DATA": "data {0}: type = default",
    "CONST": "const {0}: type = value",
    "OBSERVE": "observe {0} ~ distribution",
}


def _reserved_name(c: Context) -> Diagnostic | None:
    """A reserved word where a name should stand."""
    token = c.token
    if not is_word(token) or "NAME" not in c.accepts or c.at == c.start or c.after_value:
        return None
    if c.value_expected:
        if token.type == "FN" and c.near(1).type == "LPAR":  # a function in the midst of an expression
            return None
        if token.type in ("IF", "NOT") or (token.type in STATEMENT_KEYWORDS and c.near(1).type in ("NAME", "NUMBER")):
            return None
        clause = token.type in ("THEN", "ELSE", "LIMIT", "BY", "IN", "FOR", "AND", "OR", "AS")
        if clause and c.near(1).type not in ENDS | OPERATORS | {"COMMA", "RPAR", "RSQB"}:
            return None
    return c.says(
        "E104",
        f"`{token.text}` is a reserved word and cannot be a name",
        f"choose another name, such as `{token.text}_`",
    )


def _no_name(c: Context) -> Diagnostic | None:
    """``model {``, ``param: real``."""
    first = c.first
    if c.at != c.start + 1 or first.type not in _NAMED or c.accepts != {"NAME"}:
        return None
    if c.token.type == "STRING":
        return c.says("E116", f"the name of this `{first.text}` stands without quotes")
    hint = f"write `{first.text} {_NAMED[first.type]} …`"
    if first.type == "MODEL":
        hint = "write `model name { … }`"
    return c.says("E116", f"`{first.text}` needs a name", hint, span=first.span)


def _parameters(c: Context) -> Diagnostic | None:
    """The parentheses of ``fn``, ``process`` and ``model``."""
    head = c.first.type
    if head == "MODEL" and c.token.type == "LPAR" and c.at == c.start + 2:
        hint = "what is given from outside is declared inside: `param x: real`, `data n: int`"
        return c.says("E100", "a model takes no arguments", hint)
    if head not in ("FN", "PROCESS", "EXTERN"):
        return None
    if c.accepts == {"LPAR"}:
        name = c.previous.text if c.previous else "f"
        message = f"`{c.first.text} {name}` needs its arguments in parentheses, even if there are none"
        return c.says("E116", message, f"write `{name}()`", span=c.previous.span if c.previous else None)
    if head == "PROCESS" and c.token.type == "ARROW" and not c.opened:
        return c.says("E100", "the type of what a process returns is not declared", "leave it out")
    if head == "FN" and not c.opened and {"LBRACE", "EQUAL"} <= c.accepts:
        span = c.previous.span if c.previous else None
        return c.says(
            "E116", "expected the body of the function after this", "write `= e` or `{ …; return e }`", span=span
        )
    if head == "EXTERN" and not c.opened and c.accepts == {"ARROW"}:
        span = c.previous.span if c.previous else None
        return c.says("E116", "an `extern fn` needs the type of its result", "write `-> real`", span=span)
    if c.opened and c.token.type == "NAME" and c.previous and c.previous.type == "NAME" and "COLON" in c.accepts:
        hint = f"write `{c.token.text}: {c.previous.text}`"
        return c.says(
            "E112", "the type stands after the name of an argument", hint, span=c.previous.span.to(c.token.span)
        )
    return None


def _type(c: Context) -> Diagnostic | None:
    previous, token = c.previous, c.token
    if previous is None:
        return None
    if previous.type in ("COLON", "ARROW") and c.accepts == {"NAME"}:
        if c.first.type == "NET":
            return None
        if token.type == "NUMBER":
            return c.says("E116", f"expected a type, found {found(token)}", "types are `real`, `int`, `energy` …")
        return c.says("E116", f"a type is missing after `{previous.text}`", span=previous.span)
    if c.first.type == "DATA" and c.at == c.start + 2 and c.accepts == {"COLON"}:
        name = previous.text
        hint = f"write `data {name}: int`, or `real`, `energy[]` …"
        return c.says("E116", f"the type of `{name}` is missing", hint, span=previous.span)
    if c.first.type in ("PARAM", "DATA", "CONST") and c.at == c.start + 2 and token.type == "NAME":
        hint = f"write `{c.first.text} {previous.text}: {token.text}`"
        return c.says("E100", "a `:` is missing between the name and its type", hint, span=previous.span)
    if c.in_fields and token.type == "EQUAL" and "COMMA" in c.accepts:
        return c.says("E100", "a field has no default", "give every field when a record is made")
    if c.first.type == "TYPE" and c.accepts == {"LBRACE"}:
        hint = f"write `type {previous.text} {{ x: real, y: real }}`"
        return c.says("E100", f"the fields of a type stand in braces, found {found(token)}", hint)
    if c.in_fields and c.accepts == {"COLON"}:
        hint = f"write `{token.text}: {previous.text}`" if token.type == "NAME" else f"write `{previous.text}: real`"
        span = previous.span.to(token.span) if token.type == "NAME" else previous.span
        return c.says("E116", "a field is a name and a type", hint, span=span)
    return None


def _unit(c: Context) -> Diagnostic | None:
    """Units in types, and powers of units after numbers."""
    if c.has("LT") and ("GT" in c.accepts or (c.previous and c.previous.type in ("LT", "STAR", "SLASH"))):
        top = [t.type for t in c.top]
        i = len(top) - 1 - top[::-1].index("LT")
        if i > 1 and top[i - 1] == "NAME" and top[i - 2] in ("COLON", "ARROW", "DOT"):
            name = c.top[i - 1].text
            closed = any(t.type == "GT" for t in c.rest)
            if c.token.type == "EQUAL" and not closed:
                message = "`<` is never closed: a unit stands between `<` and `>`"
                return c.says("E121", message, span=c.top[i].span)
            if c.token.type == "EQUAL":
                hint = "the support of a parameter is written `param x: real in (low, high)`"
                return c.says("E121", "a type has no bounds", hint)
            return c.says("E121", f"expected a unit, found {found(c.token)}", f"write `{name}<GeV/mm>`")
    previous = c.previous
    if previous and previous.type in ("CARET", "PLUS", "MINUS") and "NUMBER" in c.accepts and not c.value_expected:
        if c.at_end:
            return c.says("E109", "the power of the unit is missing after this", span=previous.span)
        return c.says("E121", f"the power of a unit is a whole number, not {found(c.token)}", "write `GeV^2`, `fb^-1`")
    return None


def _interval(c: Context) -> Diagnostic | None:
    if c.first.type != "PARAM" or not c.has("IN") or not c.previous:
        return None
    if c.previous.type == "IN" and c.accepts == {"LPAR", "LSQB"}:
        ends = [t for t in c.rest if t.type not in ("TILDE", "EQUAL")][:3]
        low, high = (ends[0].text, ends[2].text) if len(ends) == 3 else ("0", "10")
        hint = f"write `in ({low}, {high})`"
        return c.says("E100", f"expected an interval in brackets after `in`, found {found(c.token)}", hint)
    if c.opened and "COMMA" in c.accepts and c.before[-2].type in ("LPAR", "LSQB"):
        if c.token.type in ("DOTDOT", "COLON"):
            hint = f"write `in ({c.previous.text}, {c.near(1).text})`"
            return c.says("E100", "a comma stands between the ends of an interval", hint)
        if c.token.type in CLOSERS:
            return c.says(
                "E100", "an interval has two ends", f"write `in ({c.previous.text}, 10)`", span=c.previous.span
            )
    return None


def _clauses(c: Context) -> Diagnostic | None:
    """``param x = 1 ~ normal(0, 1)`` and ``x ~ d by score limit 3``."""
    token, kind = c.token, c.first.type
    if kind == "SPAWN" and token.type in ("LIMIT", "BY") and not c.opened:
        hint = f"leave it out; write `h ~ process(args) {token.text} …` where the process is run"
        return c.says("E117", f"`{token.text}` belongs to the run of a process, not to `spawn`", hint)
    if c.opened or c.value_expected:
        return None
    if kind in _ORDER and token.type in ("COLON", "IN", "TILDE", "EQUAL") and c.at > c.start + 1:
        if kind == "OBSERVE" and token.type == "EQUAL":
            return c.says(
                "E100",
                "an observable has a distribution, not a value",
                "write `observe n ~ …`; the data are given at the run",
            )
        name = c.tokens[c.start + 1].text
        if c.has(token.type) and not (kind == "PARAM" and token.type == "EQUAL" and not c.has("EQUAL")):
            return c.says(
                "E117", f"a second `{token.text}` in this declaration", f"write `{_ORDER[kind].format(name)}`"
            )
        if kind == "PARAM" or (kind == "DATA" and token.type == "COLON"):
            message = f"this part of a `{c.first.text}` comes earlier"
            return c.says("E117", message, f"the order is `{_ORDER[kind].format(name)}`")
        if token.type in ("IN", "TILDE"):
            return c.says("E117", f"a `{c.first.text}` has no `{token.text}`", f"write `{_ORDER[kind].format(name)}`")
    if c.previous and c.previous.type == "BY" and c.accepts == {"NAME"}:
        hint = "write `by score`, `by stochastic_ad` …"
        return c.says("E100", "the name of an estimator is missing after `by`", hint, span=c.previous.span)
    if (token.type in ("LIMIT", "BY") and c.after_value) or (token.type == "LIMIT" and c.has("BY")):
        if c.has("TILDE") and kind == "NAME":
            message = (
                "`limit` comes before `by`" if token.type == "LIMIT" and c.has("BY") else f"a second `{token.text}`"
            )
            return c.says("E117", message, "the order is `h ~ process(args) limit 256 by estimator`")
        if kind == "OBSERVE":
            what = "estimator" if token.type == "BY" else "limit"
            return c.says("E117", f"an observable has no {what}", f"leave out `{token.text} …`")
        if token.type == "BY":
            return c.says("E117", "`by` belongs to a random site", "write `x ~ distribution by estimator`")
        if kind in ("NAME", "SPAWN", "FOR", "PLATE", "IF"):
            message = "`limit` belongs to `while`, or to the run of a process"
            return c.says("E117", message, "write `while c limit 100 { … }`, `h ~ process(args) limit 256`")
    return None


def _net(c: Context) -> Diagnostic | None:
    if c.first.type != "NET" or c.at < c.start + 2:
        return None
    hint = f"write `net {c.tokens[c.start + 1].text}: mlp(inputs = 2, outputs = 1, hidden = [32, 32])`"
    if c.token.type in ("EQUAL", "TILDE", "_NL", "RBRACE") and not c.opened:
        span = c.previous.span if c.at_end and c.previous else None
        return c.says("E116", "a network is declared with `:` and what it is made of", hint, span=span)
    return None


def _spawn(c: Context) -> Diagnostic | None:
    """``spawn p`` and ``spawn x = p(1)``."""
    if c.first.type != "SPAWN" or c.opened or c.value_expected or c.token.type in ("LIMIT", "BY"):
        return None
    if c.at == c.start + 1 or "LPAR" in c.accepts:
        name = c.tokens[c.start + 1].text if c.tokens[c.start + 1].type == "NAME" else "p"
        span = c.previous.span if c.at_end and c.previous else None
        hint = f"write `spawn {name}(…)`"
        return c.says("E100", "after `spawn` stands a process with its arguments", hint, span=span)
    return None


def _several(c: Context) -> Diagnostic | None:
    """``param a, b: real``, ``import "a.hep", "b.hep"``, ``param x: real = 1,``."""
    if c.token.type != "COMMA" or c.opened or c.in_fields:
        return None
    if c.near(1).type in ENDS:
        return c.says("E100", "a statement ends with its line, without a comma", "leave it out")
    if c.near(1).type in ("LIMIT", "BY"):
        return c.says("E100", f"no comma stands before `{c.near(1).text}`", "leave it out")
    if c.first.type in ("PARAM", "DATA", "CONST", "NET", "OBSERVE", "IMPORT") and c.at == c.start + 2:
        return c.says("E100", f"`{c.first.text}` takes one at a time", "write a line for each")
    return None


def _import(c: Context) -> Diagnostic | None:
    if c.first.type != "IMPORT":
        return None
    if c.at == c.start + 1:
        name = c.token.text if c.token.type == "NAME" else "file"
        return c.says("E116", "an import names a file, between quotes", f'write `import "{name}.hep"`')
    if c.previous and c.previous.type == "AS":
        return c.says("E116", "a name is missing after `as`", span=c.previous.span)
    return None


def _no_value(c: Context) -> Diagnostic | None:
    """``const n`` and ``unit u``, without a value."""
    if c.first.type in ("CONST", "UNIT") and c.at_end and "EQUAL" in c.accepts and c.previous:
        name = c.tokens[c.start + 1].text
        hint = f"write `{c.first.text} {name} = …`"
        return c.says("E116", f"the value of `{name}` is missing", hint, span=c.previous.span)
    if c.first.type == "OBSERVE" and c.at_end and "TILDE" in c.accepts and c.previous:
        return c.says("E116", "the distribution is missing", "write `observe n ~ poisson(3)`", span=c.previous.span)
    return None


def _target(c: Context) -> Diagnostic | None:
    """Statements that begin like an expression."""
    inside = c.depth > 0 and not c.in_fields and c.at <= c.start + 1
    if not (inside or _after_index(c)) or c.first.type in STATEMENT_KEYWORDS | ITEM_KEYWORDS:
        return None
    first, token = c.first, c.token
    if first.type not in ("NAME", "NUMBER", "STRING", "LPAR", "LSQB", "MINUS", "NOT", "TRUE", "FALSE"):
        return None
    if c.value_expected or c.opened:
        return None
    line = c.tokens[c.start : c.at] + c.rest
    sign = next((t for t in _outside(line) if t.type in ("EQUAL", "TILDE")), None)
    whole = first.span.to(line[-1].span)
    if token.type == "COMMA" and sign is not None:
        return c.says("E119", "a statement gives one name a value", "write a statement for each name")
    if token.type == "EQ":
        name = c.text(first, c.tokens[c.at - 1])
        return c.says("E110", "`==` compares; it gives no name a value", f"write `{name} = …`")
    if sign is not None:
        left = first.span.to(line[line.index(sign) - 1].span)
        if token.type == "DOT" or any(t.type == "DOT" for t in line[: line.index(sign)]):
            hint = "make a new record: `p = particle(energy = …, depth = p.depth)`"
            return c.says("E119", "a field of a record cannot be changed", hint, span=left)
        hint = "on the left stands a name, or an element of an array: `x`, `x[i]`"
        return c.says("E119", "this cannot be given a value", hint, span=left)
    if token.type == "NAME" and first.type == "NAME":
        return None
    if first.text in ("print", "printf"):
        hint = "a program prints nothing; return what you want to see"
    elif token.type == "LPAR":
        hint = f"name the value (`x = …`), draw it (`x ~ …`), or `spawn {first.text}(…)` inside a process"
    else:
        hint = "name the value (`x = …`), or say what to do with it: `return`, `emit`, `weight`, `require`"
    return c.says("E120", "an expression by itself does nothing", hint, span=whole)


def _after_index(c: Context) -> bool:
    """Whether only a name and its indices stand before."""
    return c.depth > 0 and c.first.type == "NAME" and {"EQUAL", "TILDE"} <= c.accepts


def _outside(tokens: list) -> list:
    out, depth = [], 0
    for token in tokens:
        if token.type in OPENERS:
            depth += 1
        elif token.type in CLOSERS:
            depth -= 1
        elif not depth:
            out.append(token)
    return out


RULES: tuple[Rule, ...] = (
    _reserved_name,
    _no_name,
    _parameters,
    _spawn,
    _net,
    _import,
    _several,
    _type,
    _unit,
    _interval,
    _clauses,
    _no_value,
    _target,
)
