"""The registry of diagnostic codes: what `hepppl explain CODE` prints and the documentation lists.

A code never changes its meaning. Groups: E1 syntax, E2 types, dimensions and arguments, E3 names, E4 values, E5 files,
E6 plans and estimators, E7 valid language that this version cannot run, E8 plugins, E9 results not to be trusted,
W warnings.
"""

from __future__ import annotations

from hepppl.diagnostics.code import Code as Code
from hepppl.diagnostics.codes_design import DESIGN
from hepppl.diagnostics.codes_gold import GOLD
from hepppl.diagnostics.codes_inference import INFERENCE
from hepppl.diagnostics.codes_names import NAMES, UNSUPPORTED, VALUES
from hepppl.diagnostics.codes_plugins import PLUGINS
from hepppl.diagnostics.codes_runs import FILES, GIVEN, INTEGERS, PLANS, RESULTS
from hepppl.diagnostics.codes_sbi import SBI
from hepppl.diagnostics.codes_syntax import SYNTAX
from hepppl.diagnostics.codes_types import TYPES
from hepppl.diagnostics.codes_warnings import WARNINGS

CODES: dict[str, Code] = {
    **SYNTAX,
    **TYPES,
    **NAMES,
    **VALUES,
    **GIVEN,
    **FILES,
    **PLANS,
    **UNSUPPORTED,
    **PLUGINS,
    **RESULTS,
    **INFERENCE,
    **GOLD,
    **SBI,
    **DESIGN,
    **INTEGERS,
    **WARNINGS,
}
