"""The public interface of gradient estimators: static metadata here, traceable numerics imported on use.

With x_i the random values of an event and f its output, dE[f]/dθ is the pathwise derivative at fixed noise plus one
term for every site that is not reparameterised; the terms add, whatever estimator each site uses. A plugin is an
`Estimator` (metadata, refusals) that names an `EstimatorNumerics` (three moves). Its entry point lies in the group
``hepppl.estimators`` and resolves to an `Estimator` instance without importing JAX.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from hepppl.plugin.loading import load_target

API_VERSION = 1
#: Of `Estimator.alternatives`.
ALL = "all"


@dataclass(frozen=True)
class SiteInfo:
    """What the planner knows of a site, for an estimator to judge whether it is sound there.

    ``law_depends``: the distribution's arguments carry a derivative with respect to a parameter, at fixed values of the
    sites that are not reparameterised. ``nonsmooth``: descriptions of the uses where a derivative carried by this
    site's value would be lost (a comparison, an ``int`` conversion, a bin, a discrete argument…); empty where every use
    is smooth. ``moving_support``: the set of values that can be drawn moves with a parameter (``uniform(0, theta)``),
    so that the density has no derivative at its edge. ``crossings``: descriptions of the comparisons and bins that flip
    where this site's value, as the last noise that decides them, takes a value that can be solved for.
    ``obstacles``: why a derivative carried by this site's value would still be lost if it were cut there.
    ``moving``: the names of the distribution's arguments that may carry a derivative; empty for combinators
    (``truncated``, ``mixture``), which are told by the parenthesis in ``distribution``. ``unrelaxed``: of a discrete
    site, the first use that a real number in place of its value has no part in (where a relaxation is asked for).
    ``unshadowed``: of a Bernoulli or categorical site, that, or a draw further on that such a number would make jump
    (where an estimator that ``shadows`` is asked for).
    ``instances``: how often an event comes by the site at most; None in processes and in `while`, where it varies.
    ``fixed_length``: the program has no `while` and no process. ``interplay``: it has none, and a pathwise derivative
    of an output may differ with the value of this site, which is discrete: what its jumps contribute is not all that
    varies with it. ``shares``: in a process, what a particle shares among those that it spawns, as a rule its energy;
    None where nothing is, or it is not seen to be. ``by_event``: each event's own gradient is known, as in forward mode
    and in programs of fixed length. ``spectrum``: a continuous law of positive values, of which a parameter moves
    only the scale, and whose value moves those of later sites that are cut: the score is then of the size of a relative
    change of the scale, however narrow the later laws are.
    """

    name: str
    number: int
    distribution: str
    discrete: bool
    pathwise: str | None
    support_size: int | None
    law_depends: bool
    nonsmooth: tuple[str, ...] = ()
    in_process: bool = False
    in_loop: bool = False
    moving_support: bool = False
    crossings: tuple[str, ...] = ()
    obstacles: tuple[str, ...] = ()
    moving: tuple[str, ...] = ()
    unrelaxed: str | None = None
    unshadowed: str | None = None
    instances: int | None = None
    fixed_length: bool = False
    interplay: bool = False
    shares: str | None = None
    by_event: bool = True
    spectrum: bool = False


@dataclass(frozen=True)
class Estimator:
    """Metadata of an estimator; subclass and override `refuses`, or pass everything to the constructor.

    ``cost``: what one event's gradient costs beside the simulation, in words for ``plan`` ("one alternative run").
    ``relative_cost``: the same as a number, in simulations. ``options``: names and defaults accepted after ``by``.
    ``numerics``: ``module:Class`` of an `EstimatorNumerics`. ``pathwise``: the drawn value carries a derivative.
    ``rank``: of the unbiased estimators that hepppl ships and that do not refuse a site, the planner takes the one of
    highest rank (`preference`, there); others (rank 0, or of another package) serve where they are named.
    ``offers``: its visits may make `Offer`s, so the engine follows an alternative.
    ``variants``: the options worth a try each when a plan is tuned; the defaults alone where it is empty.
    ``stratifies``: its visits read `VisitSite.crossings` and keep the drawn value between the two crossings around it,
    so that no comparison listed there can flip at fixed noise. The value carries a derivative (``pathwise``).
    ``whole_program``: it differentiates expected outputs without looking at any site, and is asked for with ``"*"``;
    its numerics are `ProgramNumerics`.
    ``alternatives``: how many alternatives of an event are run, each with a candidate chosen independently of the
    others, and averaged; `ALL`: one for every candidate of the sites that it serves.
    ``parts``: the names of the estimators that it is made of.
    ``relaxes``: the value that its visits give to a Bernoulli site is a real number in [0, 1], to a categorical one
    weights (values,) that add up to 1; they carry a derivative. The engine relaxes what is computed from them.
    ``twice``: second derivatives of expected outputs can be taken too. The value is then a twice differentiable
    function of the parameters (``pathwise``), or none, and `EstimatorNumerics.density` says how probable it was.
    ``shadows``: beside the event, the program runs with relaxed values (as ``relaxes`` says) in place of those of its
    sites, twice: what that tells is a control variate of the estimate (`EstimatorNumerics.shadow`).
    """

    name: str
    summary: str
    unbiased: bool
    cost: str
    relative_cost: float
    citation: str
    numerics: str
    options: Mapping[str, Any] = field(default_factory=dict)
    pathwise: bool = False
    offers: bool = False
    stratifies: bool = False
    whole_program: bool = False
    parts: tuple[str, ...] = ()
    relaxes: bool = False
    twice: bool = False
    shadows: bool = False
    alternatives: int | str = 1
    rank: int = 0
    variants: tuple[Mapping[str, Any], ...] = ()
    api: int = API_VERSION

    def refuses(self, site: SiteInfo) -> str | None:
        """Why this estimator would be wrong (or impossible) at this site; None where it is sound."""
        return None

    def preference(self, site: SiteInfo) -> int:
        """The rank at a site that it does not refuse."""
        return self.rank

    def suggested(self, site: SiteInfo) -> Mapping[str, Any]:
        """All options, as the planner gives them at a site for which nobody asked."""
        return self.options

    def check_options(self, options: Mapping[str, Any]) -> str | None:
        """Why these options are not accepted; None where they are."""
        unknown = sorted(set(options) - set(self.options))
        if not unknown:
            return None
        known = ", ".join(self.options) or "none"
        return f"estimator '{self.name}' has no option '{unknown[0]}' (it has: {known})"

    def given(self, options: Mapping[str, Any]) -> Estimator:
        """The metadata for these options, all of them, where they say more than the numerics need: which sites it
        refuses, what it costs."""
        return self

    def load(self) -> Any:
        """The class of its `EstimatorNumerics`, or `ProgramNumerics`."""
        return load_target(self.numerics, f"estimator '{self.name}'")


class VisitSite(Protocol):
    """One dynamic instance of a site, for one event. All arrays are scalars (vectors for vector parameters)."""

    distribution: str  # its name; of a combinator, the combinator's
    params: tuple[Any, ...]
    uniform: Any  # the site's own uniform in (0, 1): the same whatever estimator serves the site

    # How much a candidate of the site matters, by what is known before it draws; 1 where that was not learned.
    importance: Any

    # Of estimators that stratify: the uniforms, (n,), at which a comparison decided by this value flips, in no order
    # and differentiable in whatever they depend on. One that does not exist this time is 1, without derivative.
    crossings: Any

    def argument(self, name: str) -> Any: ...  # one of the distribution's, by the parameter's name
    def further(self, count: int) -> Any: ...  # (count,) more uniforms, independent of `uniform` and of all else
    def quantile(self, u: Any) -> Any: ...  # the value that another uniform would have given
    def sample(self) -> Any: ...  # the quantile at `uniform`; carries a pathwise derivative where the law has one
    def log_prob(self, x: Any) -> Any: ...
    def prob(self, x: Any) -> Any: ...  # the density or mass itself
    def cdf(self, x: Any) -> Any: ...

    # Of a law of 0, 1, 2, … that has it in closed form (None of others): p(k + 1) / p(k), and a number of which the
    # derivative is that of the cdf at k, divided by p(k).
    def boundary(self, k: Any) -> tuple[Any, Any] | None: ...


class Offer(NamedTuple):
    """A candidate for the event's one alternative.

    The engine keeps one candidate of an event, chosen with probability proportional to |coefficient · d potential/dθ|
    (|coefficient| where derivatives are not carried), runs the event with the site's value replaced by ``value`` and
    everything else coupled, and adds stop_gradient(coefficient · (f(alternative) − f)) · potential, divided by the
    probability of the choice. A candidate with coefficient 0 is never chosen.
    """

    value: Any
    coefficient: Any
    potential: Any  # differentiable in the parameters


class Visit(NamedTuple):
    value: Any
    state: Any
    offers: tuple[Offer, ...] = ()


class EstimatorNumerics:
    """The moves, plain JAX. ``visit`` is written for one event; the engine maps it over events and lanes, keeps
    the state of those for which the site is not reached, and differentiates it in forward or reverse mode. Values that
    must carry no derivative go through `jax.lax.stop_gradient`.
    """

    def __init__(self, **options: Any) -> None:
        self.options = options

    def init(self) -> Any:
        """The state an event starts with: a pytree of scalars, carried through loops and particles."""
        return ()

    def visit(self, state: Any, site: VisitSite) -> Visit:
        raise NotImplementedError

    def contribution(self, state: Any, event: Event) -> Any:
        """This estimator's share for one output, shape (events,): its derivative is added. `Offer`s need none."""
        return 0.0

    def control(self, state: Any) -> Any:
        """A control variate, shape (events,), or a tuple of some, or None: its derivative has expectation zero in every
        event. For each output and parameter the engine subtracts the multiples that leave least variance, fitted on the
        other events of the batch, so that no bias is added. ``contribution`` must not use the batch then."""
        return None

    def second(self, state: Any, event: Event) -> Any:
        """Another unbiased estimate of all that this estimator gives, its offers included, for one output: its
        derivative, (events,). For each output and parameter the engine adds the multiple of the difference of the two
        that leaves least variance, fitted on the other events of the batch. Neither may use the batch then. One that
        does not implement it has no second estimate."""
        raise NotImplementedError

    def density(self, state: Any) -> Any:
        """Of an estimator that allows second derivatives: the log-density L of the values that it drew, (events,),
        differentiable twice in the parameters; None where they are drawn from noise without a parameter.

        E[f] = E₀[f p / p₀] with p₀ the density at the parameters of the run, so that all derivatives of E[f] are those
        of f exp(L - L₀) (J. Foerster et al., arXiv:1802.05098). The engine forms them and fits their baselines."""
        return None

    def shadow(self, site: VisitSite, given: bool) -> Any:
        """Of an estimator that ``shadows``: the relaxed value of a site, with the derivative that it has at fixed
        noise, or at fixed noise given the value that was drawn. The two are one number; `density` gives the log-density
        L of what was drawn.

        With c the output of the program with relaxed values, and c̃ that with those of known draws, the derivatives of
        c̃₀ L + c̃ - c (c̃₀ the number c̃) have expectation zero: both sides are the derivative of E[c]. The engine
        subtracts the multiple of it that leaves least variance, fitted on other events, or the option ``eta``'s."""
        raise NotImplementedError


class ProgramNumerics:
    """One move, plain JAX, of an estimator that differentiates a whole program from outside."""

    def __init__(self, **options: Any) -> None:
        self.options = options

    def differentiate(self, run: Callable[[Any], Any], point: Any, low: Any, high: Any) -> Any:
        """Each event's estimates of the derivatives of the outputs with respect to the n numbers ``point``, (n,), that
        make up the parameters; ``low`` and ``high``, (n,), end their supports (infinite where there are none).

        ``run`` takes other values of them, (k, n), and gives the outputs, a pytree of arrays (k, …), each row of the
        same events with the same random numbers. Returned is the same tree of arrays (n, …).
        """
        raise NotImplementedError


class Event(Protocol):
    """A batch of events at the end of the run, for one output. Arrays have shape (events,)."""

    value: Any  # the output f, without derivative

    def leave_one_out_mean(self) -> Any: ...  # mean of f over the batch's other events
