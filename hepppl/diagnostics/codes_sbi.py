"""Codes of simulation-based inference: what is given to it (E480 to E489), programs that it cannot serve (E720 to
E729), posteriors not to be trusted (E930 to E939)."""

from __future__ import annotations

from hepppl.diagnostics.code import Code

SBI: dict[str, Code] = {
    "E480": Code(
        "nothing to infer",
        "Simulation-based inference draws the parameters that have priors and simulates; the others keep the values "
        "they are given. It needs a parameter with a prior, and such a parameter takes no value.",
        'hepppl.parse("model m { param p: real = 0.5; k ~ poisson(p); return k }").infer({"value": 3}, method="npe")',
        "Write a prior: `param p: real ~ gamma(2, 1)`.",
    ),
    "E481": Code(
        "not an output to learn from",
        "Simulation-based inference looks at outputs of the program: those of `features`, else what it observes, else "
        "all. One of them has another name, or none varies from one simulation to the next.",
        'hepppl.parse("model m { param p ~ gamma(2, 1); k ~ poisson(p); return k }").infer({"n": 3}, method="npe")',
        "Use the names of what the program returns and observes (a scalar `return` is `value`).",
    ),
    "E482": Code(
        "data that are no event of this model",
        "For each output that is looked at, the data hold one event's value, or one for each of several events.",
        "hepppl.parse(\"model m { param p ~ gamma(2, 1); k ~ poisson(p); return k }\").infer({'value': [[1, 2]]}, "
        'method="npe")',
        "Give an array of the output's shape, or of shape (events, …); for an output of varying length a list, or a "
        "list of lists.",
    ),
    "E483": Code(
        "another number of events than was trained for",
        "A posterior estimator is trained on pseudo-experiments of a fixed number of events.",
        "# hepppl infer FILE --method npe --data data.json --load estimator.eqx",
        "Train for this number of events, or use `nle` or `nre`, whose likelihoods of events multiply.",
    ),
    "E484": Code(
        "an option of simulation-based inference out of range",
        "Numbers of simulations, events, members of an ensemble and rounds are positive; a loaded estimator is of the "
        "same program and method.",
        'hepppl.parse("model m { param p ~ gamma(2, 1); k ~ poisson(p); return k }").infer({"value": 3}, '
        'method="npe", simulations=5)',
        "Give a value in the range that the message states.",
    ),
    "E485": Code(
        "other data than the rounds were for",
        "An estimator that was trained in several rounds has seen simulations near one observation, and serves no "
        "other.",
        "# hepppl infer FILE --method npe --rounds 3 --data data.json --load estimator.eqx",
        "Train for these data, or with one round for any data.",
    ),
    "E486": Code(
        "nothing to compare or to draw",
        "Two posteriors are compared (`--compare`) where both have draws, of the same numbers; a calibration is drawn "
        "(`--plot-calibration`) where there was one.",
        "hepppl infer examples/counting.hep --method mle --data n.json --compare posterior.nc",
        "Compare posteriors of the same parameters; leave `--calibrate 0` out.",
    ),
    "E720": Code(
        "weighted events",
        "What a program with weights denotes is divided by their mean at each parameter point. Weighting the loss of a "
        "network would not: points where the mean is large would count as if the prior favoured them, for training and "
        "for calibration. What `require` rejects is simulated anew, which is exact.",
        'hepppl.parse("model m { param p ~ gamma(2, 1); k ~ poisson(p); weight 1.0 + k; return k }").infer('
        '{"value": 3}, method="npe")',
        "Where the weight has a bound, reject by it: `pass ~ bernoulli(weight / bound)`, `require pass`.",
    ),
    "E721": Code(
        "a density of something whose length varies",
        "`nle` and `scandal` learn the density of an event's numbers, which must be a fixed number of them.",
        'hepppl.parse("process p(a) { emit a * 1.0 }\\nmodel m { param a ~ gamma(2, 1); h ~ p(a) limit 4; return h }"'
        ').infer({"value": [3.0]}, method="nle")',
        "Take `npe` or `nre`, or return numbers that summarise the collection.",
    ),
    "E722": Code(
        "scores where priors depend on each other",
        "Methods that learn from joint scores need them in coordinates in which the prior is normal, and those are "
        "known where no prior depends on another parameter.",
        'hepppl.parse("model m { param a ~ normal(0, 1); param b ~ normal(a, 1); x ~ normal(b, 1); return x }").infer('
        '{"value": 3}, method="alices")',
        "Write the priors independently, or take `npe`, `nle` or `nre`.",
    ),
    "E723": Code(
        "the score of what a condition lets pass",
        "Methods with gold learn from the score and the ratio of all that an event draws. Given that a `require` lets "
        "it pass, its density is divided by the probability of passing, whose dependence on the parameters is not "
        "known.",
        'hepppl.parse("model m { param p ~ gamma(2, 1); k ~ poisson(p); require k > 0; return k }").infer('
        '{"value": 3}, method="alices")',
        "Take `npe`, `nle`, `nre` or `carl`, which learn from the events that pass.",
    ),
    "E724": Code(
        "a region too small for another round",
        "Later rounds of `npe` draw from the prior inside a region around the observation. Nearly no draw, of the "
        "prior or of the posterior so far, can be taken for one.",
        "# hepppl infer FILE --method npe --rounds 9 --data data.json",
        "Take fewer rounds, or `nle` or `nre`.",
    ),
    "E930": Code(
        "a posterior that is not calibrated",
        "On pseudo-experiments that were held out, the true parameters do not lie among the posterior's draws as they "
        "should: their ranks, the coverage of its regions or the test of TARP are not uniform.",
        'hepppl.parse("model m { param p ~ gamma(2, 1); k ~ poisson(20 * p); return k }").infer({"value": 3}, '
        'method="sally", simulations=500)',
        "Train on more simulations, for more epochs, or with a wider network.",
    ),
    "E931": Code(
        "chains that did not converge",
        "The posterior of a learned likelihood is sampled by chains, and their split R̂ is over 1.05 for a parameter.",
        "# hepppl infer FILE --method nre --data data.json",
        "Ask for more draws: chains are longer then.",
    ),
    "E932": Code(
        "events that are always rejected",
        "Events that a `require` rejects are simulated anew at their point of the prior, a thousand times at most.",
        'hepppl.parse("model m { param p ~ gamma(2, 1); k ~ poisson(p); require k > 1000; return k }").infer('
        '{"value": 3}, method="npe", simulations=20)',
        "Narrow the priors to where events pass.",
    ),
}
