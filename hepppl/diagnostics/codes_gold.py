"""Codes of joint densities and of events taken to other parameters."""

from __future__ import annotations

from hepppl.diagnostics.code import Code

GOLD: dict[str, Code] = {
    "E621": Code(
        "what can be drawn moves with a parameter",
        "The joint score of an event is the derivative of the probability of all that it drew. There is none where the "
        "parameter decides something itself, whatever was drawn (a threshold, a transformation of parameter-free noise "
        "that is then compared), or bounds the values of a law: the least step then makes some events impossible and "
        "others possible.",
        'hepppl.parse("model m { param cut = 1.5; x ~ normal(0, 1); return x > cut }").gold(1000)',
        "Let the parameter act through the laws of sites: draw the value that is compared from a law that holds the "
        "parameter (`affine(exponential(1), loc, scale)`, …), or leave the parameter out of `wrt`.",
    ),
    "E622": Code(
        "an output that is computed from a parameter",
        "The joint score belongs to the values drawn. An output that is computed from a parameter as well as from them "
        "has another density, so that the mean of the joint score is not its score.",
        'hepppl.parse("model m { param mu = 1.5; x ~ normal(0, 1); return mu + x }").gold(1000)',
        "Draw what is returned: `x ~ normal(mu, 1)`. Or return the drawn value alone.",
    ),
    "E623": Code(
        "events that cannot be moved",
        "Moving an event along its derivatives needs every value that the parameter reaches to be a smooth function of "
        "it. At this site the value jumps: it is discrete, or it decides a comparison whose outcome changes.",
        "# hepppl morph FILE --to p=0.6 --method move\n"
        "model m {\n    param p: real in (0, 1) = 0.5\n    b ~ bernoulli(p)\n    return b\n}",
        "Reweight (`--method reweight`): the values drawn stay, and their probability at the other point becomes the "
        "event's weight.",
    ),
    "E921": Code(
        "a decision that is another one at the other parameters",
        "The ratio of the probabilities of an event at two parameter points is asked for, but at the other point a "
        "comparison that the parameter enters has another outcome for the same values drawn: the event could not have "
        "run as it did.",
        'hepppl.parse("model m { param t = 1.5; k ~ poisson(2); n ~ poisson(if k > t then 1 else 2); return n }")'
        '.gold(1000, ratios_to=[{"t": 2.5}])',
        "Compare points on one side of the value where the outcome changes, or draw the decision from a law.",
    ),
    "E922": Code(
        "a move that goes too far",
        "`morph` moves events along straight lines or parabolas (`--order`), and simulates some of them at the other "
        "point with the same noise to see where they should have come. Of the way there, more was missed than "
        "`--accuracy` allows.",
        "# hepppl morph FILE --to mu=1.5 -n 1000\n"
        "model m {\n    param mu: real = 0.2\n    x ~ normal(mu, 1)\n    return sin(3 * x)\n}",
        "Move less far, reweight (`--method reweight`), or simulate at the other point.",
    ),
    "E923": Code(
        "weights that leave too few events",
        "The probabilities of the events at the other point differ so much from those here that a few events carry "
        "most of the weight: what is computed from them has errors that its own spread does not show.",
        "# hepppl morph FILE --to mu=5 --method reweight -n 1000\n"
        "model m {\n    param mu: real = 0\n    x ~ normal(mu, 1)\n    return x\n}",
        "Go less far, or simulate at the other point.",
    ),
}
