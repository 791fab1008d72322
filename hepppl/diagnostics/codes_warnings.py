"""Codes of warnings (W)."""

from __future__ import annotations

from hepppl.diagnostics.code import Code

WARNINGS: dict[str, Code] = {
    "W601": Code(
        "no sound gradient is known",
        "The program is valid and can be simulated, but `grad` would refuse it, with E601 or E607, for the reason "
        "given.",
        "model m {\n    param width: real = 1\n    x ~ exponential(1)\n    return floor(x / width)\n}",
        "See the hints of the message, and `hepppl explain E601`.",
    ),
    "W801": Code(
        "a plugin shadows a built-in",
        "A package registers a name that hepppl itself has. It is ignored: programs mean the same on every machine.",
        "hepppl plugins list",
        "Ask the package's authors for another name, or uninstall it.",
    ),
    "W802": Code(
        "one name from two packages",
        "Two packages register the same name. It is an error (E802) for a program that asks for it.",
        "hepppl plugins list",
        "Uninstall one of the two.",
    ),
    "W803": Code(
        "a plugin that cannot be used",
        "A registered plugin cannot be imported or does not fit this hepppl; an error (E803, E804) for a program that "
        "asks for it.",
        "hepppl plugins list",
        "Repair, upgrade or uninstall the package that the message names.",
    ),
    "W901": Code(
        "some events were truncated",
        "A limit was reached in a fraction of the events that the tolerance allows. Expected values are biased by it.",
        "# hepppl simulate FILE --tolerance 1\nprocess p(k: int) {\n    emit k\n    if k > 0 {\n"
        "        spawn p(k - 1)\n        spawn p(k - 1)\n    }\n}\n"
        "model m {\n    h ~ p(8) limit 2\n    return count(h)\n}",
        "Raise the limit in the program.",
    ),
    "W902": Code(
        "an output is infinite in some events",
        "Its mean is infinite then. The maximum of an empty collection, for example, is -inf.",
        "# hepppl simulate FILE\nprocess p() {\n    b ~ bernoulli(0.5)\n    if b {\n        emit 1.5\n    }\n}\n"
        "model m {\n    h ~ p() limit 2\n    return max(h)\n}",
        "Say what the output is to be in such events: `if count(h) > 0 then max(h) else 0`.",
    ),
    "W903": Code(
        "not verified",
        "`verify` found nothing independent to compare with: no second sound estimator serves the site, and finite "
        "differences are not possible at these values of the parameters, or were taken for a part of them only.",
        "# hepppl verify FILE -n 1000\nmodel m {\n    param t: real in [1, 3] = 1\n"
        "    x ~ truncated(normal(0, 1), 0, t)\n    return x^2\n}",
        "Give the parameter a value inside its support: `-p t=1.1`.",
    ),
}
