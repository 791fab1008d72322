"""The shapes of high-energy physics as distributions: metadata only."""

from __future__ import annotations

from typing import Any

from hepppl.plugin import Distribution, Parameter


def _law(name: str, parameters: tuple[Parameter, ...], numerics: str, summary: str, **more: Any) -> Distribution:
    settings = {"value": "real", "support": "real", "pathwise": "icdf"} | more
    return Distribution(
        name=name, parameters=parameters, numerics=f"hepppl_hep.{numerics}", summary=summary, **settings
    )


LOC, SCALE = Parameter("loc", "real", "value", default=0.0), Parameter("scale", "positive", "value", default=1.0)

argus = _law(
    "argus", (Parameter("cutoff", "positive", "value"), Parameter("chi", "positive")), "_shapes:Argus",
    "ARGUS background below cutoff, with t = x / cutoff: t sqrt(1 - t^2) exp(-chi^2 (1 - t^2) / 2).",
    support="interval", pathwise="implicit",
)  # fmt: skip
crystal_ball = _law(
    "crystal_ball", (LOC, SCALE, Parameter("alpha", "positive"), Parameter("n", "positive")), "_shapes:CrystalBall",
    "Gaussian with a power-law tail of exponent n > 1 below loc - alpha scale.",
)  # fmt: skip
histogram = _law(
    "histogram",
    (Parameter("edges", "real", "value", rank=1), Parameter("heights", "nonnegative", rank=1)), "_shapes:Histogram",
    "Density proportional to heights[i] between edges[i] and edges[i + 1].",
    support="interval", jumps=True,
)  # fmt: skip
landau = _law(
    "landau", (LOC, SCALE), "_landau:Landau",
    "Landau's energy loss in ROOT's convention: most probable at loc - 0.22278 scale.",
    pathwise="location_scale",
)  # fmt: skip
moyal = _law(
    "moyal", (LOC, SCALE), "_shapes:Moyal",
    "Moyal's approximation to the energy loss: exp(-(z + exp(-z)) / 2), z = (x - loc) / scale.",
)  # fmt: skip
power_law = _law(
    "power_law",
    (Parameter("exponent"), Parameter("low", "positive", "value"), Parameter("high", "positive", "value")),
    "_shapes:PowerLaw",
    "Density proportional to x^exponent between low and high.",
    support="interval",
)  # fmt: skip
relativistic_breit_wigner = _law(
    "relativistic_breit_wigner", (Parameter("mass", "positive", "value"), Parameter("width", "positive", "value")),
    "_resonance:RelativisticBreitWigner",
    "Resonance with density 1 / ((E^2 - mass^2)^2 + mass^2 width^2) in E > 0.",
    support="positive", pathwise="implicit",
)  # fmt: skip
