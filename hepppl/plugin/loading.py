"""Importing what metadata names: ``module:attribute``."""

from __future__ import annotations

import importlib
from functools import wraps
from typing import Any

from hepppl.diagnostics import Diagnostic
from hepppl.diagnostics.errors import HepPluginError


def load_target(target: str, what: str) -> Any:
    """The attribute of a module that ``target`` names. Raises `HepPluginError` (E803) where that fails, whatever a
    plugin does when it is imported; ``what`` is whose implementation it is."""
    module, _, attribute = target.partition(":")
    try:
        return getattr(importlib.import_module(module), attribute)
    except Exception as error:
        message = f"the implementation of {what}, {target}, cannot be imported: {type(error).__name__}: {error}"
        raise HepPluginError(Diagnostic("E803", message)) from error


class Contained:
    """The functions of an implementation, whose failures become `HepPluginError`s (E805) that name it."""

    def __init__(self, target: Any, what: str) -> None:
        self._target, self._what = target, what

    def __getattr__(self, name: str) -> Any:
        function = getattr(self._target, name)

        @wraps(function)
        def call(*args: Any) -> Any:
            try:
                return function(*args)
            except Exception as error:
                message = f"{self._what} failed in {name}: {type(error).__name__}: {error}"
                raise HepPluginError(Diagnostic("E805", message)) from error

        return call
