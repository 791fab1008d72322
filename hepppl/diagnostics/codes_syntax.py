"""Codes E1 (syntax)."""

from __future__ import annotations

from hepppl.diagnostics.code import Code

SYNTAX: dict[str, Code] = {
    "E100": Code(
        "the text does not follow the grammar",
        "Something stands where the grammar of the language does not allow it. The message says what was found and "
        "what could stand there.",
        "model m {\n    x = [1 2]\n    return x\n}",
        "Write what the message expects: `x = [1, 2]`.",
    ),
    "E101": Code(
        "invalid character",
        "Programs are written in letters (of any script), digits, and the signs of the grammar. Typographic signs "
        "such as `×`, `≤` or curly quotes often come with text copied from a document.",
        "model m {\n    return 2 × 3\n}",
        "Use the ASCII sign: `return 2 * 3`.",
    ),
    "E102": Code(
        "malformed string",
        "A string begins and ends with a double quote on the same line.",
        'model m {\n    return mass("Z0)\n}',
        'Close the string: `mass("Z0")`.',
    ),
    "E103": Code(
        "malformed number",
        "Numbers are `1`, `2.5`, `1e-3` or `1_000`: one decimal point at most, and digits after the `e` of an "
        "exponent.",
        "model m {\n    return 1.2.3\n}",
        "Write one number, or two with an operator between them.",
    ),
    "E104": Code(
        "a reserved word used as a name",
        "The words of the language, such as `limit`, `data` or `type`, cannot name anything else.",
        "model m {\n    limit = 3\n    return 1\n}",
        "Choose another name: `limit_ = 3` or `n_max = 3`.",
    ),
    "E105": Code(
        "a bracket that is never closed",
        "Every `(`, `[` and `{` needs its closing counterpart. Line ends do not count inside `( )` and `[ ]`, so an "
        "open bracket would swallow the lines below.",
        "model m {\n    x = sqrt(2\n    return x\n}",
        "Close it where the expression ends: `x = sqrt(2)`.",
    ),
    "E106": Code(
        "a bracket that closes nothing",
        "A `)`, `]` or `}` stands where none is open, or where another kind of bracket is.",
        "model m {\n    return sqrt(2))\n}",
        "Remove it, or add the bracket it is meant to close.",
    ),
    "E107": Code(
        "nested too deeply",
        "Brackets, operations and blocks may be nested up to a fixed depth, so that no program, however odd, can "
        "exhaust the machine that reads it.",
        "model m {\n    return " + "(" * 201 + "1" + ")" * 201 + "\n}",
        "Give parts of the expression names of their own, or use an array and `sum`.",
    ),
    "E108": Code(
        "the end of a statement is missing",
        "A statement ends with its line or with `;`. Something else follows where it should have ended.",
        "model m {\n    x = 1 y = 2\n    return x + y\n}",
        "Put the next statement on a line of its own, or an operator between the two values.",
    ),
    "E109": Code(
        "a value is missing",
        "The line, or the bracket, ends where a value was expected.",
        "model m {\n    x = 1 +\n    return x\n}",
        "Write the missing value. To go on in the next line, put the whole expression in parentheses.",
    ),
    "E110": Code(
        "`=` where a comparison is meant",
        "`=` gives a name a value; `==` asks whether two values are equal.",
        "model m {\n    b ~ bernoulli(0.5)\n    return if b = 1 then 2 else 3\n}",
        "Write `==`: `if b == 1 then 2 else 3`.",
    ),
    "E111": Code(
        "an operator of another language",
        "Powers are written `^`, logic `and`, `or`, `not`; there is no `+=`, `//` or `:=`.",
        "model m {\n    return 2**3\n}",
        "Use the operator that the hint names: `2^3`.",
    ),
    "E112": Code(
        "a statement of another language",
        "The line looks like Python, C++ or Stan. The hint says how the same is written here.",
        "def f(x):\n    return x",
        "Write `fn f(x) = x`.",
    ),
    "E113": Code(
        "in the wrong place",
        "Imports, types, functions, processes and models stand at the outermost level of a file; all other statements "
        "stand inside the braces of a model, a process or a function.",
        "x = 3",
        "Move it: `const x = 3` at file level, or the statement into a model.",
    ),
    "E114": Code(
        "`while` without `limit`",
        "A loop of random length says how many turns an event may take at most, so that the program always ends; "
        "events that reach the limit are counted and reported.",
        "model m {\n    k = 0\n    while k < 3 {\n        k = k + 1\n    }\n    return k\n}",
        "Add it after the condition: `while k < 3 limit 100 { … }`.",
    ),
    "E115": Code(
        "a block without braces",
        "Blocks stand in braces, and the opening brace on the line of its `if`, `for` or `model`.",
        "model m {\n    x = 1\n    if x > 0:\n        x = 2\n    return x\n}",
        "Write `if x > 0 { x = 2 }`.",
    ),
    "E116": Code(
        "a part of a declaration is missing",
        "A name, a type or a parameter list that this declaration cannot do without is not there.",
        "model m {\n    data n\n    return n\n}",
        "Add it: `data n: int`.",
    ),
    "E117": Code(
        "clauses in the wrong order",
        "A parameter is declared as `param name: type in (low, high) ~ prior = default`, a random site as "
        "`name ~ distribution limit n by estimator`: each part once, in this order.",
        "model m {\n    param x = 1 ~ normal(0, 1)\n    return x\n}",
        "Put the parts in order: `param x ~ normal(0, 1) = 1`.",
    ),
    "E118": Code(
        "`if` and `else` do not match",
        "An `else` belongs to the block directly before it. The expression `if c then a else b` always has both "
        "values, since it must have one whatever `c` is.",
        "model m {\n    b ~ bernoulli(0.5)\n    return if b then 1\n}",
        "Write both branches: `if b then 1 else 0`.",
    ),
    "E119": Code(
        "cannot be assigned to",
        "On the left of `=` and `~` stands a name, or an element of an array: `x`, `x[i]`. Records do not change after "
        "they are made.",
        "model m {\n    sqrt(2) = 1.41\n    return 1\n}",
        "Give the value a name: `x = 1.41`; for a record, make a new one.",
    ),
    "E120": Code(
        "an expression that does nothing",
        "A value by itself is no statement: nothing would happen with it.",
        "model m {\n    sqrt(2)\n    return 1\n}",
        "Name it (`x = sqrt(2)`), or say what to do with it: `return`, `emit`, `spawn`, `weight`, `require`.",
    ),
    "E121": Code(
        "malformed unit",
        "A unit is a product of names with whole powers, such as `GeV/mm` or `fb^-1`. In a type it stands between `<` "
        "and `>`: `real<GeV/mm>`.",
        "model m {\n    return 30 GeV^0.5\n}",
        "Use whole powers; write a root as `sqrt(30 GeV)`.",
    ),
    "E122": Code(
        "a number followed by parentheses",
        "There is no implicit multiplication.",
        "model m {\n    return 2(3 + 4)\n}",
        "Write `2 * (3 + 4)`.",
    ),
}
