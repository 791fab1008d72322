"""hepppl: a probabilistic programming language for high-energy physics.

>>> import hepppl
>>> model = hepppl.parse("model coin { param p: real in (0, 1) = 0.3; b ~ bernoulli(p); return 2 * b }")
>>> list(model.params)
['p']

Everything public is named in ``__all__``; it is imported on first use, so that ``import hepppl`` is quick and never
imports JAX.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from hepppl._version import __version__ as __version__

if TYPE_CHECKING:
    from hepppl.compiled import Compiled as Compiled
    from hepppl.diagnostics import Diagnostic as Diagnostic
    from hepppl.diagnostics.errors import HepError as HepError
    from hepppl.diagnostics.errors import HepFileError as HepFileError
    from hepppl.diagnostics.errors import HepNameError as HepNameError
    from hepppl.diagnostics.errors import HepPlanError as HepPlanError
    from hepppl.diagnostics.errors import HepPluginError as HepPluginError
    from hepppl.diagnostics.errors import HepResultError as HepResultError
    from hepppl.diagnostics.errors import HepSyntaxError as HepSyntaxError
    from hepppl.diagnostics.errors import HepTypeError as HepTypeError
    from hepppl.diagnostics.errors import HepUnsupportedError as HepUnsupportedError
    from hepppl.diagnostics.errors import HepValueError as HepValueError
    from hepppl.loading import load as load
    from hepppl.loading import parse as parse
    from hepppl.model import Model as Model
    from hepppl.results import Events as Events
    from hepppl.results import GradResult as GradResult

_HOMES = {
    "Compiled": "hepppl.compiled",
    "Diagnostic": "hepppl.diagnostics",
    "Events": "hepppl.results",
    "GradResult": "hepppl.results",
    "HepError": "hepppl.diagnostics.errors",
    "HepFileError": "hepppl.diagnostics.errors",
    "HepNameError": "hepppl.diagnostics.errors",
    "HepPlanError": "hepppl.diagnostics.errors",
    "HepPluginError": "hepppl.diagnostics.errors",
    "HepResultError": "hepppl.diagnostics.errors",
    "HepSyntaxError": "hepppl.diagnostics.errors",
    "HepTypeError": "hepppl.diagnostics.errors",
    "HepUnsupportedError": "hepppl.diagnostics.errors",
    "HepValueError": "hepppl.diagnostics.errors",
    "Model": "hepppl.model",
    "load": "hepppl.loading",
    "parse": "hepppl.loading",
}

__all__ = [*_HOMES, "__version__"]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'hepppl' has no attribute '{name}'")
    value = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
