"""The exceptions of hepppl. Each carries its diagnostics and also derives from the standard exception users expect."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from hepppl.diagnostics.core import Diagnostic


class HepError(Exception):
    """Root of all errors that hepppl raises on purpose. ``diagnostics`` holds what is wrong, in order."""

    exit_status = 1

    def __init__(self, diagnostics: Diagnostic | Iterable[Diagnostic]):
        self.diagnostics = (diagnostics,) if isinstance(diagnostics, Diagnostic) else tuple(diagnostics)
        super().__init__("; ".join(f"[{d.code}] {d.message}" for d in self.diagnostics))

    def __reduce__(self) -> tuple[Any, ...]:  # an exception is rebuilt from its arguments, which are text here
        return type(self), (self.diagnostics,), self.__dict__

    def __str__(self) -> str:
        from hepppl.diagnostics.render import render_text

        return "\n" + "\n".join(render_text(d) for d in self.diagnostics)


class HepSyntaxError(HepError, SyntaxError):
    """The text is not a program (E1xx)."""


class HepNameError(HepError, NameError):
    """A name that is not defined, or defined twice (E3xx)."""


class HepTypeError(HepError, TypeError):
    """Types, dimensions or arguments do not fit (E2xx)."""


class HepValueError(HepError, ValueError):
    """A value given by the caller or in the text is out of range (E4xx)."""


class HepFileError(HepError, OSError):
    """A file cannot be read or written (E5xx)."""


class HepPlanError(HepError, ValueError):
    """No sound gradient estimator, or an unsound one was asked for (E6xx)."""


class HepUnsupportedError(HepError, NotImplementedError):
    """Valid language that this version cannot run (E7xx)."""


class HepPluginError(HepError, ImportError):
    """A plugin is missing, broken or ambiguous (E8xx)."""


class HepResultError(HepError, ArithmeticError):
    """The program ran, but its result is not to be trusted (E9xx): truncation, NaN, an invalid argument at run time.

    ``result``: what came out all the same, an `Events` or a `GradResult`.
    """

    exit_status = 3
    result: Any = None
