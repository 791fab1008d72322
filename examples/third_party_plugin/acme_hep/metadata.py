"""What hepppl reads before anything runs: no import of JAX here."""

from hepppl.plugin import Distribution, Estimator, Function, Parameter, SiteInfo


class Flip(Estimator):
    def refuses(self, site: SiteInfo) -> str | None:
        if site.distribution != "bernoulli":
            return f"it flips coins, and {site.distribution} is no coin"
        if not site.law_depends:
            return "the site's law holds no parameter"
        return None


antithetic_flip = Flip(
    name="antithetic_flip",
    summary="runs the event again with one coin turned over, and weighs the difference by the slope of its probability",
    unbiased=True,
    cost="one alternative run",
    relative_cost=1.0,
    citation="G. Arya et al., arXiv:2210.08572, for a Bernoulli law seen from both sides",
    numerics="acme_hep.numerics:Flipped",
    offers=True,
)

ramp = Distribution(
    name="ramp",
    parameters=(Parameter("scale", "positive", "value"),),
    value="real",
    support="interval",
    pathwise="icdf",
    numerics="acme_hep.numerics:Ramp",
    summary="Density 2 x / scale^2 on (0, scale).",
)

attenuation = Function(
    name="attenuation",
    signature="(depth: length, mean_free_path: length) -> real",
    smooth=True,
    implementation="acme_hep.numerics:attenuation",
    summary="The fraction of a beam that is left at a depth: exp(-depth / mean_free_path).",
)
