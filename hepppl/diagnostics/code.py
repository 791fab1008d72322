"""What the registry says of one diagnostic code."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Code:
    """``example`` fails with this code; ``fix`` is what to write or do instead."""

    title: str
    explanation: str
    example: str
    fix: str
