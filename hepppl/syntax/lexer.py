"""From text to tokens and comments. What is no token is reported, and replaced by what was probably meant."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterator

from hepppl.diagnostics import Source, Span
from hepppl.syntax import ast
from hepppl.syntax.grammar import tables
from hepppl.syntax.report import MAX_CHARACTERS, Report, Stop
from hepppl.syntax.tokens import KEYWORDS, SYMBOLS, Token

_TYPES = {text: kind for kind, text in SYMBOLS.items()} | {word: word.upper() for word in ("and", "or", "not", "in")}

# Operators of other languages: what to read instead, and what to tell the author.
_OPERATORS = {
    "**": ("^", "a power is written with `^`"),
    "&&": ("and", "write `and`"),
    "&": ("and", "write `and`"),
    "||": ("or", "write `or`"),
    "|": ("or", "write `or`"),
    "!": ("not", "write `not`"),
    "<>": ("!=", "write `!=`"),
    "!==": ("!=", "write `!=`"),
    "===": ("==", "write `==`"),
    "=<": ("<=", "write `<=`"),
    ":=": ("=", "a value is given with `=`; a random site is drawn with `~`"),
    "=>": ("->", "a function of one argument is written `x -> e`"),
}

# Signs that stand for one of ours.
_SIGNS = {"*": "×·∗⋅•", "-": "−–—‐‑", "/": "÷∕⁄", "<=": "≤⩽", ">=": "≥⩾", "!=": "≠", "==": "≡", "->": "→⟶↦",
          "~": "∼～〜", "and": "∧", "or": "∨", "not": "¬", "in": "∈", "..": "…"}  # fmt: skip
_MEANT = {sign: text for text, signs in _SIGNS.items() for sign in signs}

_HINTS = {
    "?": "a choice between two values is written `if c then a else b`",
    "@": "there are no decorators; the product of two arrays is `dot(a, b)`",
    "$": "names are made of letters, digits and `_`",
    "`": 'strings stand between double quotes: `"Z0"`',
    "\\": "a line needs no sign to go on: put the whole expression in parentheses",
    "√": "write `sqrt(x)`",
    "∞": "write `inf`",
    "°": "an angle in degrees is written `90 deg`",
    "±": "an uncertainty is a distribution: `x ~ normal(value, error)`",
    "\0": "this may not be a text file",
    "\ufeff": "a byte-order mark belongs at the start of a file or nowhere; delete it",
}
_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789")


def tokenize(source: Source, report: Report) -> tuple[list[Token], list[ast.Comment]]:
    """All tokens of a text, its line ends included, and its comments."""
    if len(source.text) > MAX_CHARACTERS:
        place = Span(source, 0, 0)
        report.add("E107", f"the program is longer than {MAX_CHARACTERS:,} characters", place, "split it with `import`")
        raise Stop
    tokens: list[Token] = []
    comments: list[ast.Comment] = []
    for token in _raw(source):
        kind = token.type
        if kind == "NEWLINE" and _continued(token, report):
            continue
        if kind == "COMMENT":
            text = token.text.rstrip()
            span = Span(source, token.span.start, token.span.start + len(text))
            comments.append(ast.Comment(span, text, not tokens or tokens[-1].type == "NEWLINE"))
        elif kind in _CHECKS:
            _CHECKS[kind](token, tokens, report)
        else:
            tokens.append(token)
    return tokens, comments


def _raw(source: Source) -> Iterator[Token]:
    for match in tables().scanner.finditer(source.text):
        kind = match.lastgroup
        assert kind is not None  # every character is in some group
        if kind != "_BLANK":
            text = match.group()
            yield Token(text.upper() if text in KEYWORDS else kind, text, Span(source, match.start(), match.end()))


def _continued(newline: Token, report: Report) -> bool:
    """Whether the line ended in a backslash, which has been reported: read it as it was meant."""
    last = report.diagnostics[-1].span if report.diagnostics else None
    return last is not None and last.text == "\\" and not last.source.text[last.end : newline.span.start].strip()


# ---------------------------------------------------------------- names and numbers


def _name(token: Token, tokens: list[Token], report: Report) -> None:
    text = token.text
    if tokens and tokens[-1].type == "NUMBER" and tokens[-1].span.end == token.span.start:
        _number_and_letters(tokens[-1], token, report)
    if not text.isascii():
        normal = unicodedata.normalize("NFKC", text)
        superscript = [c for c in text if unicodedata.decomposition(c).startswith("<super>") and not c.isalpha()]
        if superscript:
            start = text.index(superscript[0])
            span = Span(token.span.source, token.span.start + start, token.span.end)
            power = text[start:].translate(_SUPERSCRIPTS)
            report.add("E101", "a power cannot be written as a superscript", span, f"write `{text[:start]}^{power}`")
        elif not normal.isidentifier():
            bad = next((c for c in text if not unicodedata.normalize("NFKC", c).isidentifier()), text[0])
            report.add("E101", f"{_describe(bad)} cannot be part of a name", token.span, _HINTS["$"])
        elif normal in KEYWORDS:
            token = Token(normal.upper(), text, token.span)
    tokens.append(token)


def _number(token: Token, tokens: list[Token], report: Report) -> None:
    last = tokens[-1] if tokens else None
    if last is not None and last.span.end == token.span.start:
        if last.type == "NUMBER":  # 1.2.3
            whole = last.span.to(token.span)
            if not report.within(whole.start, whole.end):
                report.add("E103", f"`{whole.text}` is not a number", whole, "a number has one decimal point at most")
            tokens[-1] = Token("NUMBER", last.text, whole)
            return
        if last.type == "DOTDOT" and token.text.startswith("."):  # 0...5
            dots = Span(last.span.source, last.span.start, token.span.start + 1)
            low = tokens[-2].text if len(tokens) > 1 and tokens[-2].type in ("NUMBER", "NAME") else ""
            report.add("E103", "a range is written with two points", dots, f"write `{low}..{token.text[1:]}`")
    text = token.text.replace("_", "")
    value = float(text)
    if math.isinf(value):
        report.add("E103", "this number is too large", token.span, "the largest is 1.8e308")
        token = Token("NUMBER", "1", token.span)
    elif value == 0 and any(c in "123456789" for c in text.lower().partition("e")[0]):
        report.add("E103", "this number is too small: it would be taken for 0", token.span, "the smallest is 5e-324")
    tokens.append(token)


def _number_and_letters(number: Token, name: Token, report: Report) -> None:
    whole = number.span.to(name.span)
    if name.text in ("e", "E"):
        hint = f"write the digits of the exponent (`{number.text}e3`)"
        hint += f", or a blank before a unit (`{number.text} {name.text}`)"
        report.add("E103", f"`{whole.text}` is a number whose exponent is missing", whole, hint)
    elif number.text == "0" and name.text[0] in "xXbBoO" and name.text[1:].isalnum():
        report.add("E103", f"`{whole.text}` is not a decimal number", whole, "write whole numbers in decimal")


# ---------------------------------------------------------------- strings and signs


def _open_string(token: Token, tokens: list[Token], report: Report) -> None:
    text = token.text.rstrip()
    span = Span(token.span.source, token.span.start, token.span.start + len(text))
    report.add("E102", "this string is not closed", span, 'a string ends with `"` on the line where it begins')
    tokens.append(Token("STRING", text + '"', span))


def _quoted(token: Token, tokens: list[Token], report: Report) -> None:
    last = tokens[-1] if tokens else None
    digits = re.match(r"'([0-9']+)", token.text)
    if last is not None and last.type == "NUMBER" and last.span.end == token.span.start and digits:
        hint = f"write `{last.text}_{digits[1].strip(chr(39)).replace(chr(39), '_')}`"
        report.add("E103", "the digits of a number are grouped with `_`", last.span.to(token.span), hint)
        return
    inner = token.text.strip().strip("'“”„«»‘’")
    report.add("E102", 'a string stands between plain double quotes, `"`', token.span, f'write `"{inner}"`')
    tokens.append(Token("STRING", f'"{inner}"', token.span))


def _foreign_comment(token: Token, tokens: list[Token], report: Report) -> None:
    mark = token.text[:3] if token.text.startswith('"') else token.text[:2]
    hints = ["a comment begins with `#` and ends with the line"]
    if mark == "//" and tokens and tokens[-1].type != "NEWLINE":
        hints.append("to divide and round down, write `floor(a / b)`")
    span = Span(token.span.source, token.span.start, token.span.start + len(mark))
    report.add("E111", f"`{mark}` is not part of the language", span, *hints)


def _foreign_operator(token: Token, tokens: list[Token], report: Report) -> None:
    text = token.text
    if text == "<>" and len(tokens) > 1 and tokens[-2].type in ("COLON", "ARROW"):
        report.add("E121", "a unit is missing between `<` and `>`", token.span, "write `real<GeV/mm>`")
        return
    if text.endswith("=") and text not in _OPERATORS:
        name = tokens[-1].text if tokens and tokens[-1].type == "NAME" else "x"
        operator = "^" if text == "**=" else text[0]
        meant, hint = "=", f"write `{name} = {name} {operator} …`"
    else:
        meant, hint = _OPERATORS[text]
    report.add("E111", f"`{text}` is not an operator here", token.span, hint)
    tokens.append(Token(_TYPES[meant], meant, token.span))


def _bad(token: Token, tokens: list[Token], report: Report) -> None:
    character, span = token.text, token.span
    if character in _MEANT:
        meant = _MEANT[character]
        report.add("E101", f"{_describe(character)} is not part of the language", span, f"write `{meant}`")
        tokens.append(Token(_TYPES[meant], meant, span))
        return
    if span.start and span.source.text[span.start - 1] == character:
        return  # one message for a run of the same
    category = unicodedata.category(character)
    hint = _HINTS.get(character)
    if hint is None and category == "Zs":
        hint = "use an ordinary blank"
    elif hint is None and category == "Cf":
        hint = "it is invisible; delete it"
    elif hint is None and character == "\r":
        hint = "lines end with a line feed, with or without a carriage return before it"
    elif hint is None and category[0] in "SLMN" and ord(character) > 127:
        hint = _HINTS["$"]
    report.add("E101", f"{_describe(character)} is not part of the language", span, *([hint] if hint else []))


def _describe(character: str) -> str:
    """What to call a character, visible or not."""
    name = unicodedata.name(character, "").lower()
    if character == "\0":
        return "a NUL character"
    if character == "\r":
        return "a carriage return by itself"
    if unicodedata.category(character)[0] in "CZ" or unicodedata.combining(character):
        return f"the {'control ' if character < ' ' else ''}character U+{ord(character):04X}" + (
            f" ({name})" if name else ""
        )
    return f"`{character}`" if character.isascii() or not name else f"`{character}` ({name})"


_CHECKS = {
    "NAME": _name,
    "NUMBER": _number,
    "OPEN_STRING": _open_string,
    "QUOTED": _quoted,
    "FOREIGN_COMMENT": _foreign_comment,
    "FOREIGN_OPERATOR": _foreign_operator,
    "BAD": _bad,
}
