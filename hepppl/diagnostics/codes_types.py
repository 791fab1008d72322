"""Codes E2: types, dimensions, arguments, and statements where they cannot stand."""

from __future__ import annotations

from hepppl.diagnostics.code import Code

TYPES: dict[str, Code] = {
    "E201": Code(
        "a value of the wrong type",
        "An operator, a function or a statement needs a number, an integer, an array or a record, and got something "
        "else. The message says what was found and what was expected.",
        "model m {\n    a = [1, 2, 3]\n    return a[1.5]\n}",
        "Give it what it needs, here a whole number: `a[1]`, or `a[int(x)]`.",
    ),
    "E202": Code(
        "not a condition",
        "`if`, `while`, `require`, `and`, `or` and `not` need a condition, true or false. A number is not one.",
        "model m {\n    k ~ poisson(3.0)\n    return if k then 1 else 0\n}",
        "Compare it with something: `if k > 0 then 1 else 0`.",
    ),
    "E203": Code(
        "dimensions do not match",
        "Only quantities of one dimension can be added, subtracted or compared: an energy and a length cannot, nor an "
        "energy and a plain number.",
        "model m {\n    return 30 GeV + 2 mm\n}",
        "Give the number its unit (`pt > 30 GeV`), or divide each quantity by a unit (`e / GeV + d / mm`).",
    ),
    "E204": Code(
        "a dimensionless number is needed",
        "Functions such as `exp`, `log` and `sin`, exponents and weights have a meaning for plain numbers only. "
        "`sqrt`, `abs` and constant powers take any dimension.",
        "model m {\n    return log(30 GeV)\n}",
        "Divide by a unit or a scale: `log(30 GeV / GeV)`.",
    ),
    "E205": Code(
        "wrong arguments",
        "An argument is missing, superfluous, given twice, or has a name that the function, type, distribution or "
        "estimator does not know. Arguments with a name follow those without.",
        "model m {\n    x ~ normal(0, sigma = 1)\n    return x\n}",
        "Use the names that the hint lists: `normal(0, scale = 1)`.",
    ),
    "E206": Code(
        "not of the declared type",
        "A value does not fit the type that its declaration gives: another dimension, or a real number where an "
        "integer is declared. An integer fits where a real number is declared.",
        "model m {\n    param cut: energy = 30\n    return cut\n}",
        "Give the value its unit (`= 30 GeV`), or change the declaration.",
    ),
    "E207": Code(
        "two values of different types",
        "The two sides of an `if`, the elements of an array and the returns of a function must be of one type. "
        "Integers become real numbers where the other is real.",
        "model m {\n    b ~ bernoulli(0.5)\n    return if b then 1 GeV else 0\n}",
        "Make them one type: `if b then 1 GeV else 0 GeV`.",
    ),
    "E208": Code(
        "a loop changes the type of a name",
        "A name that a loop rebinds must have the same type before the loop and after each turn.",
        "model m {\n    hardest = 0\n    for i in 0..3 { hardest = 3 GeV }\n    return hardest\n}",
        "Start from a value of the right type: `hardest = 0 GeV`.",
    ),
    "E209": Code(
        "arrays that do not fit",
        "Arrays combine element by element where their lengths agree; functions on arrays need arrays, and one value "
        "per event is needed in weights and distributions.",
        "model m {\n    return [1, 2, 3] + [1, 2]\n}",
        "Use arrays of one length, or a slice: `[1, 2, 3][0..2] + [1, 2]`.",
    ),
    "E210": Code(
        "no such field or element",
        "A record has the fields of its type, a four-vector `e px py pz pt eta phi mass p rapidity theta`; "
        "numbers have neither fields nor elements.",
        "model m {\n    p = (energy = 1 GeV, depth = 2 mm)\n    return p.enrgy\n}",
        "Use a field that exists: `p.energy`.",
    ),
    "E211": Code(
        "not a value, or not a function",
        "The name of a function, type, process or distribution is no value by itself, and a value cannot be called. "
        "There is no implicit multiplication.",
        "model m {\n    x = 3\n    return x(4)\n}",
        "Call the function, `sqrt(x)`; or multiply: `x * (4)`.",
    ),
    "E212": Code(
        "dimensions of a distribution's arguments",
        "What is drawn has the dimension of the location and scale, or the inverse of a rate's; all arguments "
        "must agree on it. Probabilities, counts and shapes have none.",
        "model m {\n    x ~ normal(0, 3 GeV)\n    return x\n}",
        "Give every argument its unit: `normal(0 GeV, 3 GeV)`.",
    ),
    "E213": Code(
        "emitted values of different types",
        "All processes that lead to one another emit elements of one type: the same fields, of the same dimensions.",
        "process p(x: energy) {\n    if x > 1 GeV { emit (e = x) } else { emit (energy = x) }\n}\n"
        "model m {\n    h ~ p(3 GeV) limit 4\n    return count(h)\n}",
        "Emit the same record everywhere, or declare a `type` for it.",
    ),
    "E214": Code(
        "a process called with other types",
        "An argument without a type takes that of the first call. A later `spawn` of the same process must fit it.",
        "process p(x) {\n    if x > 3 { emit 1 } else { spawn p(1 GeV) }\n}\n"
        "model m {\n    h ~ p(1) limit 4\n    return sum(h)\n}",
        "Call it with one type; declaring it, `process p(x: energy)`, shows which call is wrong.",
    ),
    "E215": Code(
        "a collection where a value is needed",
        "A collection is what a process emitted: any number of elements without order. Expressions on its fields hold "
        "for each element and need a reduction to become a value of the event.",
        "process p(x) { emit x }\nmodel m {\n    h ~ p(1) limit 4\n    y ~ normal(h, 1)\n    return y\n}",
        "Reduce it (`sum`, `mean`, `max`, `count`, `hist` …), or make it an array: `padded(h, 16)`.",
    ),
    "E216": Code(
        "`~` and `=` mixed up",
        "`x ~ d` draws from a distribution or process; `x = e` names a value. A distribution cannot stand in an "
        "expression, and a function is not drawn from.",
        "model m {\n    x = normal(0, 1)\n    return x\n}",
        "Write `x ~ normal(0, 1)`.",
    ),
    "E220": Code(
        "a statement that cannot stand here",
        "`spawn` and `emit` belong in processes, `param` and `data` at the top of a model, draws in models and "
        "processes; every event must reach every `observe` equally often, so none stands in an `if` or `while`.",
        "fn f(x) {\n    y ~ normal(x, 1)\n    return y\n}\nmodel m { return f(1) }",
        "Move it where it belongs; a function that draws is a `process`.",
    ),
    "E221": Code(
        "a missing or misplaced `return`",
        "A model returns once, at its end; a function on every path, and nothing follows. A process that spawns or "
        "emits does not return.",
        "fn f(x) { y = x + 1 }\nmodel m { return f(1) }",
        "End it with `return y`.",
    ),
    "E222": Code(
        "`limit` or `by` in the wrong place, or missing",
        "The run of a process that spawns says how many particles may be alive at once: `limit 256`. A distribution "
        "takes `by estimator` and no limit.",
        "process p(x) { emit x }\nmodel m {\n    h ~ p(1)\n    return sum(h)\n}",
        "Write `h ~ p(1) limit 16`.",
    ),
    "E223": Code(
        "a process that yields nothing",
        "A process either emits (and spawns), or returns a value.",
        "process p(x) { y = x }\nmodel m { return 1 }",
        "Add `emit y` or `return y`.",
    ),
    "E224": Code(
        "a function that calls itself, or a process that runs itself",
        "Functions are inlined where they are called, so that none can call itself, not even through another. A "
        "process can spawn itself, but a run of it cannot wait for another run of it.",
        "fn f(x) = f(x - 1) + 1\nmodel m { return f(3) }",
        "Use a loop; a cascade of random depth is a process that spawns itself.",
    ),
    "E225": Code(
        "an `extern fn` that does not fit",
        "A program declares the types of a plugin's function, arguments and result, as the plugin does: dimensions and "
        "all. Types are numbers and arrays of them.",
        "extern fn g(x) -> real\nmodel m { return 1 }",
        "Copy the signature that `hepppl plugins show g` prints.",
    ),
    "E226": Code(
        "a function out of place",
        "`x -> e` and names of functions can be given to `argmin`, `root` and functions of a file; they are no values "
        "to compute with. What `argmin` and `root` solve gives one number.",
        "model m {\n    c = x -> x^2\n    return c\n}",
        "Give the function a name, `fn c(x) = x^2`, and call it.",
    ),
}
