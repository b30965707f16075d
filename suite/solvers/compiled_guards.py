"""Compiled code found by its guards alone, without what ``torch.compile`` does around them at every call.

A call of a compiled function takes 70 microseconds beside its graph; the guards, which make sure that nothing it relies
on has changed, take 5 of them, and some 25 where a solve has used the caches for other things. The rest swaps the
interpreter's evaluation of frames and the compiler's settings.
"""

from __future__ import annotations

from collections.abc import Callable
from types import FunctionType
from typing import Any

from torch._C._dynamo.eval_frame import _debug_get_cache_entry_list

_VARIADIC = 0x04  # the flag of code that takes ``*arguments``


class GuardedCode:
    """Finds what was compiled of a function for arguments like those at hand.

    Args:
        function: What is compiled, with positional arguments only.
    """

    def __init__(self, function: FunctionType) -> None:
        code = function.__code__
        self._function, self._code = function, code
        self._names = code.co_varnames[: code.co_argcount]
        self._rest = code.co_varnames[code.co_argcount] if code.co_flags & _VARIADIC else None
        cells = function.__closure__ or ()
        self._enclosed = {name: cell.cell_contents for name, cell in zip(code.co_freevars, cells, strict=True)}

    def find(self, *arguments: Any) -> Callable[..., Any] | None:
        """Return the compiled code that all guards allow, None where there is none and the function has to be called.

        The guards see what the compiler's own call of them would: arguments, what is enclosed, global state such as
        the grad mode. Code that encloses more than the function does is left to the compiler.
        """
        places = dict(self._enclosed)
        places.update(zip(self._names, arguments, strict=False))
        if self._rest is not None:
            places[self._rest] = arguments[len(self._names) :]
        for entry in _debug_get_cache_entry_list(self._code):
            if entry.guard_manager.check(places):
                function = self._function
                if entry.code.co_freevars != self._code.co_freevars:
                    return None
                return FunctionType(entry.code, function.__globals__, function.__name__, None, function.__closure__)
        return None
