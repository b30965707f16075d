"""Warnings that point at the user's line, however deep in the solvers they arise."""

from __future__ import annotations

import sys
import warnings

# Frames of the solvers themselves, and of torch where autograd calls them.
_PASSED_OVER = ("suite.solvers", "suite.gradients", "torch.")


def warn_user(message: str) -> None:
    """Warn once, at the innermost line of code that belongs neither to the solvers nor to torch."""
    level, frame = 1, sys._getframe(0)
    while frame.f_back is not None and f"{frame.f_globals.get('__name__', '')}.".startswith(_PASSED_OVER):
        level, frame = level + 1, frame.f_back
    warnings.warn(message, UserWarning, stacklevel=level)
