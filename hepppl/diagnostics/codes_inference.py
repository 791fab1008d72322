"""Codes of inference: what is given to it (E470 to E474), programs without a likelihood that can be written down (E711
to E719), results not to be trusted (E910 to E919)."""

from __future__ import annotations

from hepppl.diagnostics.code import Code

INFERENCE: dict[str, Code] = {
    "E470": Code(
        "no such inference method",
        "`infer` was asked for a method that there is not.",
        'model.infer({"background": 3}, method="hmc")',
        "Use one that the message names.",
    ),
    "E471": Code(
        "no such option of the method",
        "Each inference method has options of its own, and this is none of them.",
        'model.infer({"background": 3}, method="nuts", sampels=100)',
        "Use one that the message names.",
    ),
    "E472": Code(
        "nothing to infer",
        "A posterior is of the parameters that have a prior (`param mu ~ normal(0, 1)`) and are not fixed by the "
        "caller.",
        "# hepppl infer FILE --data n.json\n"
        "model m {\n    param mu: real in (0, 10) = 1\n    observe n ~ poisson(mu)\n}",
        "Give a parameter a prior, or use `--method mle`, which needs none.",
    ),
    "E473": Code(
        "no observable is given",
        "Inference conditions the model on data: the values of what it observes (`observe n ~ …`), by their names.",
        "model.infer({})",
        "Give at least one observable: in the file of `--data`, or in data={…} in Python.",
    ),
    "E474": Code(
        "data that are impossible",
        "Where the search starts (the defaults of the parameters, the medians of the priors), the data have no "
        "density, "
        "or an argument of a law is out of range there.",
        "# hepppl infer FILE --data n.json\n"
        "model m {\n    param mu: real in (0, 10) ~ uniform(0, 10)\n    observe n ~ uniform(5, 5 + mu)\n}",
        "Look at the units and the range of the data, and at the parameters' defaults and intervals.",
    ),
    "E711": Code(
        "no likelihood: a random number of draws",
        "Loops of random length and branching processes draw a random number of values; the density of what is "
        "observed "
        "is a sum over all of them that cannot be written down.",
        "# hepppl infer FILE --data n.json\n"
        "model m {\n    param p: real in (0, 1) ~ uniform(0, 1)\n    k = 0\n    go ~ bernoulli(p)\n"
        "    while go limit 9 {\n        k = k + 1\n        go ~ bernoulli(p)\n    }\n    observe n ~ poisson(k + "
        "1)\n}",
        "Use a method that learns from simulations.",
    ),
    "E712": Code(
        "a loop that is too long for a likelihood",
        "A `for` loop with random draws is written out turn by turn; a thousand turns are the most.",
        "# hepppl infer FILE --data n.json\n"
        "model m {\n    param mu: real in (0, 10) ~ uniform(0, 10)\n    s = 0.0\n    for i in 0..2000 {\n"
        "        x ~ normal(mu, 1)\n        s = s + x\n    }\n    observe n ~ normal(s, 1)\n}",
        "Use `plate` for independent repetitions: `plate i in 0..2000 { x ~ normal(mu, 1) }`, then `sum(x)`.",
    ),
    "E713": Code(
        "no likelihood: random weights",
        "With `weight` or `require` the distribution of the data is divided by the mean weight, which changes with the "
        "parameters and cannot be written down where it depends on something random.",
        "# hepppl infer FILE --data n.json\n"
        "model m {\n    param mu: real in (0, 10) ~ uniform(0, 10)\n    x ~ normal(mu, 1)\n    require x > 0\n"
        "    observe n ~ normal(x, 1)\n}",
        "Write the law so that it stays in the region: `x ~ truncated(normal(mu, 1), low = 0)`; or use a method that "
        "learns from simulations.",
    ),
    "E714": Code(
        "a discrete draw that cannot be summed over",
        "Discrete draws that the data depend on are summed over, which needs finitely many values, known before the "
        "run, "
        "and not too many combinations of them. One inside a plate is summed over there, and cannot be used outside.",
        "# hepppl infer FILE --data n.json\n"
        "model m {\n    param mu: real in (0, 10) ~ uniform(0, 10)\n    k ~ poisson(mu)\n    observe n ~ normal(k, "
        "1)\n}",
        "Bound it by constants: `k ~ truncated(poisson(mu), 0, 50)`; or use a method that learns from simulations.",
    ),
    "E715": Code(
        "no Asimov data",
        "Expected data stand for the data in limits and expected significances of counting and binned models: every "
        "observable is a count (`poisson`, `binomial`) or normal, and depends on no discrete draw.",
        "# hepppl infer FILE --data n.json --method mle --limit mu\n"
        "model m {\n    param mu: real in [0, 10] = 1\n    observe n ~ exponential(mu + 1)\n}",
        "Bin the observable: `plate i in 0..bins { observe n[i] ~ poisson(…) }`.",
    ),
    "E910": Code(
        "a posterior that is not to be trusted",
        "Chains have not mixed (R-hat above 1.01), gave fewer than 400 effective draws, or diverged in more than 0.5 "
        "% of "
        "their transitions; or the approximation of `svi` is more than 0.1 nats away from the posterior.",
        "# hepppl infer FILE --data n.json --samples 20 --warmup 20\n"
        "model m {\n    param mu: real in (0, 10) ~ uniform(0, 10)\n    observe n ~ poisson(mu)\n}",
        "Run longer; raise `--target-accept` where transitions diverge; write strongly correlated or funnel-shaped "
        "parameters differently (a standard normal draw, scaled).",
    ),
    "E911": Code(
        "a fit that did not converge",
        "The search for the minimum, or for an end of an interval, did not succeed: the likelihood is flat, has more "
        "than "
        "one minimum, or is not smooth.",
        "# hepppl infer FILE --data n.json --method mle\n"
        "model m {\n    param a: real = 1\n    param b: real = 1\n    observe n ~ normal(a + b, 1)\n}",
        "Fix parameters that the data do not determine (`-p b=1`) or give them priors; give better defaults.",
    ),
    "E912": Code(
        "a limit beyond the parameter's interval",
        "CLs is still above 1 - level at the end of the interval that the parameter is declared with.",
        "# hepppl infer FILE --data n.json --method mle --limit mu\n"
        "model m {\n    param mu: real in [0, 3] = 1\n    observe n ~ poisson(mu)\n}",
        "Widen the interval.",
    ),
}
