"""Codes of design optimisation: what is given to it (E490 to E499), searches not to be trusted (E940 to E949)."""

from __future__ import annotations

from hepppl.diagnostics.code import Code

DESIGN: dict[str, Code] = {
    "E490": Code(
        "no such expected output",
        "An objective is a function of the expectations of the model's outputs, `E[name]`. An output whose number of "
        "elements varies has none.",
        'model.optimize("(E[depth] - 12cm)^2", wrt="theta")',
        "Use a name that the model returns or observes (a scalar `return` is `value`).",
    ),
    "E491": Code(
        "not an objective",
        "An objective is one real number that depends on expected outputs, computed by operations that can be "
        "differentiated: in Python by those of JAX.",
        'model.optimize(lambda E: float(E["value"]) ** 2, wrt="theta")',
        "Use `jax.numpy` where NumPy is used, and no `float()`, `if` or comparison of what is expected.",
    ),
    "E492": Code(
        "no such search",
        "Searches have a name each; one without gradients has no target error, and one that is resumed needs the "
        "folder that it was kept in.",
        'model.optimize("E[value]", wrt="theta", optimizer="adamant")',
        "Use one that the message names.",
    ),
    "E940": Code(
        "a search that diverged",
        "The objective or its gradient became infinite or NaN on the way: a step was too large, or led where the "
        "objective is not defined.",
        "# hepppl optimize FILE --minimize log(E[value]) --steps 5\n"
        "model m {\n    param p: real in (-1, 1) = -0.5\n    x ~ normal(p, 0.1)\n    return x\n}",
        "A smaller learning rate, more events per step, or bounds on the parameters: `in (0, 10)`.",
    ),
    "E941": Code(
        "a target error that was not reached",
        "All steps were made, and the estimated error of the parameters is larger than `--target-error` asks for, or "
        "the search was not yet at rest.",
        "# hepppl optimize FILE --minimize E[value]^2 --steps 20 --target-error 1e-6\n"
        "model m {\n    param p: real = 1\n    x ~ normal(p, 1)\n    return x\n}",
        "More steps or more events per step; where it still moves, a larger learning rate.",
    ),
}
