"""Codes E3 (names), E4 (values known at compile time) and E7 (not supported yet)."""

from __future__ import annotations

from hepppl.diagnostics.code import Code

NAMES: dict[str, Code] = {
    "E301": Code(
        "a name that is not defined",
        "The name has no value here: it is misspelt, given a value only further down, or belongs to another body. A "
        "function sees its arguments and the constants of the file.",
        "model m {\n    cut = 3\n    return cutt + 1\n}",
        "Use the name that exists (the hint names the nearest), or give it a value first.",
    ),
    "E302": Code(
        "defined twice",
        "Within a file two items, and within a model two declarations, cannot share a name.",
        "model m {\n    param x = 1\n    param x = 2\n    return x\n}",
        "Rename one of them.",
    ),
    "E303": Code(
        "a name that may have no value",
        "The name is given a value in only one branch of an `if`, or only inside a loop, so that it may have none "
        "here.",
        "model m {\n    b ~ bernoulli(0.5)\n    if b { x = 1 }\n    return x\n}",
        "Give it a value before the `if` or the loop: `x = 0`.",
    ),
    "E304": Code(
        "a name that cannot be given another value",
        "Parameters, data, constants, loop variables and observables keep their value. The repetitions of a plate are "
        "independent: nothing goes from one to the next.",
        "model m {\n    param x = 1\n    x = 2\n    return x\n}",
        "Use another name; for a running sum write `for`, or sum the plate's values after it.",
    ),
    "E305": Code(
        "no model, or several",
        "A program is one model of a file. Where there are several, say which.",
        "# hepppl simulate FILE\nmodel a { return 1 }\nmodel b { return 2 }",
        'Choose with `--model a`, or `model="a"` in Python.',
    ),
    "E306": Code(
        "defined in terms of itself",
        "Constants, units and types of a file may stand in any order, but not in a circle.",
        "const a = b + 1\nconst b = a + 1\nmodel m { return a }",
        "Give one of them a value of its own.",
    ),
    "E307": Code(
        "two outputs of one name",
        "Every observable and every field of the returned record is an output by its name.",
        "model m {\n    observe n ~ poisson(3.0)\n    return (n = 1)\n}",
        "Rename one; an observable need not be returned.",
    ),
    "E308": Code(
        "no such function",
        "Mathematical functions have NumPy's names.",
        "model m {\n    return asin(0.5)\n}",
        "Use the name of the hint: `arcsin(0.5)`.",
    ),
    "E309": Code(
        "no such distribution",
        "Distributions have NumPyro's names in snake case, with some of HEP's own.",
        "model m {\n    x ~ gaussian(0, 1)\n    return x\n}",
        "Use the name of the hint: `normal(0, 1)`.",
    ),
    "E310": Code(
        "no such type",
        "Types are `real int bool energy length time area angle charge temperature p4`, `real<unit>`, and those "
        "that the file declares.",
        "model m {\n    param x: float = 1\n    return x\n}",
        "Write `real`, or declare the type: `type hit { energy: energy }`.",
    ),
    "E311": Code(
        "no such unit",
        "Units are those of CLHEP with SI prefixes (`GeV`, `mm`, `ns`, `fb`, `tesla` …), and those that the file "
        "declares with `unit`.",
        "model m {\n    return 30 GEV\n}",
        "Use the spelling of the hint: `30 GeV`.",
    ),
    "E312": Code(
        "no such process",
        "`spawn` follows one more particle of a process of the file.",
        "process shower(x) {\n    emit x\n    spawn showr(x)\n}\nmodel m { return 1 }",
        "Use the name of a process: `spawn shower(x)`.",
    ),
    "E313": Code(
        "no such particle",
        "`mass`, `width` and `charge` know particles by their PDG names, as EvtGen writes them (`Z0`, `mu-`, `pi+`, "
        "`K_S0`). For some particles the PDG gives no width or charge.",
        'model m {\n    return mass("Zboson")\n}',
        'Use the PDG\'s name: `mass("Z0")`.',
    ),
}

VALUES: dict[str, Code] = {
    "E401": Code(
        "not known before the run",
        "Constants, loop ranges, limits, array lengths, defaults and supports must be known when the program is "
        "compiled. A loop of random length is a `while`.",
        "model m {\n    k ~ poisson(3.0)\n    s = 0\n    for i in 0..k { s = s + i }\n    return s\n}",
        "Use `while i < k limit 50 { …; i = i + 1 }`.",
    ),
    "E402": Code(
        "a range, limit or size out of range",
        "A range runs upwards, a limit is at least 1, an array has at least one element; each has an upper bound, "
        "so that no program exhausts the machine.",
        "model m {\n    return sum(fill(1e12, 1))\n}",
        "Choose a size that fits into memory, or use a loop.",
    ),
    "E403": Code(
        "an index out of range",
        "The elements of an array of n are 0 to n - 1. An index known at compile time is checked there; one that is "
        "random counts as truncation when it is out of range.",
        "model m {\n    a = [1, 2, 3]\n    return a[3]\n}",
        "The last element is `a[2]`, or `a[len(a) - 1]`.",
    ),
    "E404": Code(
        "division by zero",
        "The divisor is the constant 0.",
        "model m {\n    return 1 / 0\n}",
        "Divide by something else.",
    ),
    "E405": Code(
        "a constant without a value",
        "The constant expression has no finite value: the logarithm of a negative number, a number beyond 1.8e308.",
        "const x = log(-1)\nmodel m { return x }",
        "Correct the expression.",
    ),
    "E406": Code(
        "a default outside the support",
        "The default of a parameter must lie in its interval; round brackets exclude the ends, square ones "
        "include them.",
        "model m {\n    param x in (0, 1) = 1\n    return x\n}",
        "Change the default, or include the end: `in (0, 1]`.",
    ),
    "E407": Code(
        "an empty support",
        "The lower end of a parameter's interval must lie below its upper end.",
        "model m {\n    param x in (1, 0) = 0.5\n    return x\n}",
        "Write `in (0, 1)`.",
    ),
    "E408": Code(
        "an argument out of range",
        "A constant argument lies where the distribution is not defined: a negative scale, a probability above 1, "
        "probabilities that do not add up to 1; or where what is drawn would not fit in 32 bits: a Poisson rate of "
        "1e12.",
        "model m {\n    x ~ normal(0, -1)\n    return x\n}",
        "Correct the argument.",
    ),
    "E409": Code(
        "a program that is too large",
        "Functions are inlined; together the operations of the program, or the depth of its calls, exceed what can be "
        "compiled in reasonable time.",
        "\n".join(["fn f0(x) = x + sin(x)"] + [f"fn f{i}(x) = f{i - 1}(x) + f{i - 1}(x + 1)" for i in range(1, 20)])
        + "\nmodel m {\n    param x = 1\n    return f19(x)\n}",
        "Give values that are used twice a name; use loops and arrays instead of repetition.",
    ),
    "E410": Code(
        "a parameter of unknown type",
        "A parameter takes its type from its annotation, its default or its prior.",
        "model m {\n    param x\n    return x\n}",
        "Add one of them: `param x: energy = 30 GeV`.",
    ),
    "E411": Code(
        "an integer that is too large",
        "Integers have 32 bits in a running program: they lie between -2147483648 and 2147483647.",
        "model m {\n    return 3000000000\n}",
        "Use a real number: `3e9`.",
    ),
    "E412": Code(
        "a given value that cannot be read",
        "A value given on the command line or from Python is a number with a unit of the right dimension (`20cm`, "
        "`2.5`, `30 GeV`); data that size arrays are integers or arrays.",
        "hepppl grad shower.hep -p radius=20xm",
        "Write the number and its unit: `-p radius=20cm`.",
    ),
}

UNSUPPORTED: dict[str, Code] = {
    "E705": Code(
        "data that are needed to go on",
        "`data x: real[]` has the length of what is given. Without data a program is checked with a stand-in length; "
        "where another length might do, the data are needed.",
        "model m {\n    data x: real[]\n    return dot(x, [1, 2])\n}",
        "Give the data (`--data FILE`, `data={…}`), or declare a length: `data n: int = 10` and `data x: real[n]`.",
    ),
}
