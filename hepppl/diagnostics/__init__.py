"""Positions, messages and how they are shown. Imports nothing of hepppl's other rooms."""

from hepppl.diagnostics.core import Diagnostic as Diagnostic
from hepppl.diagnostics.core import Label as Label
from hepppl.diagnostics.core import Source as Source
from hepppl.diagnostics.core import Span as Span
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
from hepppl.diagnostics.render import render_all as render_all
from hepppl.diagnostics.render import render_short as render_short
from hepppl.diagnostics.render import render_text as render_text
from hepppl.diagnostics.render import to_json as to_json
from hepppl.diagnostics.suggest import nearest as nearest
