"""Positions, messages and how they are shown. Imports nothing of hepppl's other rooms."""

from hepppl.diagnostics.core import Diagnostic as Diagnostic
from hepppl.diagnostics.core import Label as Label
from hepppl.diagnostics.core import Source as Source
from hepppl.diagnostics.core import Span as Span
