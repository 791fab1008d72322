"""The heads of blocks (``if``, ``for``, ``while``, ``fn``, ``model`` …), and what stands in the wrong block."""

from __future__ import annotations

from hepppl.diagnostics import Diagnostic, Label
from hepppl.syntax.expected import ENDS, found
from hepppl.syntax.mistakes.context import Context, Rule, is_word
from hepppl.syntax.tokens import BLOCK_KEYWORDS, ITEM_KEYWORDS, STATEMENT_KEYWORDS, Token

_HEADS = BLOCK_KEYWORDS | {"MODEL", "PROCESS", "FN", "ELSE"}


def _reserved_target(c: Context) -> Diagnostic | None:
    """``limit = 3``: a reserved word where the name of a statement should stand."""
    first = c.first
    if not is_word(first) or c.at > c.start + 1:
        return None
    second = c.tokens[c.start + 1]
    if second.type in ("EQUAL", "TILDE"):
        hint = f"choose another name, such as `{first.text}_`"
        return c.says("E104", f"`{first.text}` is a reserved word and cannot be a name", hint, span=first.span)
    return None


def _misplaced(c: Context) -> Diagnostic | None:
    """Items inside blocks, and statements outside."""
    first = c.first
    if c.at != c.start:
        return None
    if c.depth and first.type in ITEM_KEYWORDS:
        message = f"`{first.text}` stands at the outermost level of a file, not inside a block"
        return c.says("E113", message, "move it in front of the model")
    if c.depth or "MODEL" not in c.accepts:
        return None
    if first.type in STATEMENT_KEYWORDS | BLOCK_KEYWORDS:
        where = "a process" if first.type in ("SPAWN", "EMIT") else "a model, a process or a function"
        if first.type in ("PARAM", "DATA", "NET", "OBSERVE"):
            where = "a model"
        return c.says("E113", f"`{first.text}` stands inside {where}, not at file level")
    if first.type == "NAME":
        following = c.near(1).type
        if following == "EQUAL":
            message = "a value at file level is a constant, or else belongs into a model"
            return c.says("E113", message, f"write `const {first.text} = …`")
        if following in ("TILDE", "LSQB"):
            return c.says("E113", "a random value is drawn inside a model or a process, not at file level")
    return None


def _colon(c: Context) -> Diagnostic | None:
    """A block in Python's manner."""
    before = c.before
    if c.token.type != "COLON" or not before or c.opened:
        return None
    head = before[0]
    if head.type == "FN" and before[-1].type == "RPAR" and c.near(1).type == "NAME":
        return c.says("E100", "the type of a result follows `->`", f"write `-> {c.near(1).text}`")
    if head.type not in _HEADS or "COLON" in c.accepts:
        return None
    if head.type in ("FOR", "PLATE") and not c.has("DOTDOT") and c.near(1).type not in ENDS:
        return None
    written = c.text(head, before[-1])
    if head.type == "WHILE" and not c.has("LIMIT"):
        written += " limit 1000"
    if head.type == "MODEL":
        written = "model name"
    if head.type in ("FOR", "PLATE") and not c.has("DOTDOT"):
        written = f"{head.text} {before[1].text if len(before) > 1 else 'i'} in {_as_range(before[3:]) or '0..n'}"
    return c.says("E115", "a block stands in braces, not after a colon", f"write `{written} {{ … }}`")


def _as_range(given: list[Token]) -> str | None:
    """``range(n)`` of Python as a range."""
    if len(given) < 4 or given[0].text != "range" or given[1].type != "LPAR":
        return None
    inner = " ".join(given[1].span.to(given[-1].span).text[1:-1].split())
    low, comma, high = inner.partition(",")
    return f"{low.strip()}..{high.strip()}" if comma else f"0..{inner}"


def _brace_below(c: Context) -> Diagnostic | None:
    """The opening brace on a line of its own."""
    if c.token.type != "_NL" or c.near(1).type != "LBRACE" or "LBRACE" not in c.accepts or c.previous is None:
        return None
    label = Label(c.near(1).span, "not here")
    message = f"the opening brace belongs on the line of its `{c.before[0].text}`" if c.before else "misplaced brace"
    return c.says("E115", message, "write `{` at the end of this line", span=c.previous.span, labels=(label,))


def _no_limit(c: Context) -> Diagnostic | None:
    if c.first.type != "WHILE" or "LIMIT" not in c.accepts or c.token.type not in ("LBRACE", "_NL"):
        return None
    assert c.previous is not None
    hint = f"write `{c.text(c.first, c.previous)} limit 1000 {{ … }}`: at most 1000 turns per event"
    return c.says("E114", "a `while` loop needs a limit", hint, span=c.previous.span)


def _range(c: Context) -> Diagnostic | None:
    """``for x in xs``, ``for i in range(n)``, ``for i in 1:n``, ``for (int i = 0; …)``."""
    head = c.before[0] if c.before else None
    if head is None or head.type not in ("FOR", "PLATE"):
        return None
    word, token = head.text, c.token
    if c.at == c.start + 1:
        hint = f"write `{word} i in 0..n {{ … }}`" + (", without parentheses" if token.type == "LPAR" else "")
        return c.says("E112", f"after `{word}` stands the name of the index", hint)
    name = c.tokens[c.start + 1].text
    if c.at == c.start + 2:
        return c.says(
            "E100", f"expected `in` after the index, found {found(token)}", f"write `{word} {name} in a..b {{ … }}`"
        )
    if "DOTDOT" not in c.accepts or c.has("DOTDOT"):
        return None
    given = c.before[3:]
    if token.type == "COLON" and len(c.rest) > 1:
        high = c.text(c.rest[1], c.rest[-1])
        if any(t.type == "COLON" for t in c.rest[1:]):
            return c.says(
                "E112", "a range has two ends and no step", f"write `{word} i in 0..n {{ … }}`, and `2 * i` inside"
            )
        hint = f"write `{word} {name} in {c.text(given[0], given[-1])}..{high} + 1`: the upper end is excluded"
        return c.says("E112", "a range is written with two points", hint)
    if token.type not in ("LBRACE", "COLON", "_NL", "COMMA"):
        return None
    label = given[0].span.to(given[-1].span)
    ends = _as_range(given)
    if ends:
        return c.says(
            "E112", "a range is written with two points", f"write `{word} {name} in {ends} {{ … }}`", span=label
        )
    hint = f"write `{word} i in 0..len(x) {{ … }}`, and `x[i]` inside"
    if len(given) == 1 and given[0].type == "NAME":
        hint = (
            hint.replace("x", given[0].text) if name != "i" else f"write `{word} {name} in 0..{given[0].text} {{ … }}`"
        )
    elif len(given) == 1:
        hint = f"write `{word} {name} in 0..{given[0].text} {{ … }}`"
    return c.says("E112", f"`{word}` runs over a range `a..b`, not over the elements of an array", hint, span=label)


def _condition(c: Context) -> Diagnostic | None:
    """``if c then { … }`` and ``if (c) x = 1``."""
    before = c.before
    if not before or c.opened:
        return None
    head = before[1] if before[0].type == "ELSE" and len(before) > 1 else before[0]
    if head.type not in ("IF", "WHILE") and before[0].type != "ELSE":
        return None
    token = c.token
    if token.type == "THEN" or (before[-1].type == "THEN" and token.type == "LBRACE"):
        then = token if token.type == "THEN" else before[-1]
        hint = "write `if c { … }`; `if c then a else b` is a value"
        return c.says("E115", "`then` belongs to the expression, not to the statement", hint, span=then.span)
    return None


def _bare_block(c: Context) -> Diagnostic | None:
    if c.at == c.start and c.depth and c.token.type == "LBRACE":
        return c.says("E100", "a block belongs to an `if`, `for`, `while` or `plate`", "take its statements out of it")
    if c.first.type == "PROCESS" and c.accepts == {"LBRACE"} and c.token.type == "EQUAL":
        return c.says("E100", "what a process does stands in braces", "write `{ …; return e }`")
    return None


def _no_brace(c: Context) -> Diagnostic | None:
    """``if (c) x = 1``, and a head at the end of its line."""
    before, token = c.before, c.token
    if not before or c.opened or before[0].type not in _HEADS or "LBRACE" not in c.accepts:
        return None
    if before[0].type in ("FN", "ELSE") and c.accepts & {"EQUAL", "ARROW"}:
        return None
    if token.type in ("NAME", "_NL", "RBRACE", "$END") or is_word(token):
        message = f"expected `{{` after this: what belongs to `{before[0].text}` stands in braces"
        return c.says("E115", message, span=before[-1].span)
    return None


def _else(c: Context) -> Diagnostic | None:
    if c.token.type != "ELSE" or "ELSE" in c.accepts:
        return None
    if c.before and any(t.type == "IF" for t in c.before):
        return None
    message = "this `else` does not follow the block of an `if`"
    if c.first.type in BLOCK_KEYWORDS and c.tokens[c.at - 1].type == "RBRACE":
        message = f"`{c.first.text}` has no `else`" if c.first.type in BLOCK_KEYWORDS - {"IF"} else "a second `else`"
    return c.says("E118", message)


def _else_block(c: Context) -> Diagnostic | None:
    """After ``}``: ``elif`` and whatever else does not belong on that line."""
    if c.at == c.start or c.tokens[c.at - 1].type != "RBRACE" or c.before:
        return None
    if c.token.text in ("elif", "elseif", "elsif"):
        return c.says("E112", f"there is no `{c.token.text}`", "a further condition is written `else if c { … }`")
    if c.at_end:
        return None
    message = f"expected the end of the line after `}}`, found {found(c.token)}"
    return c.says("E108", message, "put it on a line of its own", span=c.tokens[c.at - 1].span)


RULES: tuple[Rule, ...] = (
    _reserved_target,
    _misplaced,
    _colon,
    _brace_below,
    _no_limit,
    _range,
    _condition,
    _bare_block,
    _no_brace,
    _else,
    _else_block,
)
