"""What a recording has taken from a vector field: where it differs at a later solve, the recording is of no use."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator
from types import FunctionType, MethodType
from typing import Any

from torch import Tensor, nn

_OF_EVERY_MODULE = frozenset(vars(nn.Module())) - {"training"}
_SAME_BY_VALUE = (bool, int, float, complex, str, bytes, type(None))

Identity = tuple[object, ...]


class _Itself:
    """An object that is equal to nothing but itself; kept alive only where it takes no weak reference."""

    def __init__(self, value: object) -> None:
        self._number = id(value)
        try:
            self._value: Callable[[], object] = weakref.ref(value)
        except TypeError:
            self._value = lambda: value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Itself) and self._value() is not None and self._value() is other._value()

    def __hash__(self) -> int:
        return self._number


def module_of(vector_field: object) -> nn.Module | None:
    """Return the module that a vector field is, or whose method it is; None for any other function."""
    owner = vector_field.__self__ if isinstance(vector_field, MethodType) else vector_field
    return owner if isinstance(owner, nn.Module) else None


def field_identity(vector_field: object) -> Identity:
    """Return what is fixed in a recording of a vector field.

    Of a module: where its parameters, buffers and other tensors lie, and its attributes, those of its submodules too.
    Values of tensors do not count: they may change from replay to replay. Of a function: what it encloses. What is
    changed inside a list or another object is not seen.
    """
    module = module_of(vector_field)
    if module is not None:
        return tuple(_of_module(module))
    if isinstance(vector_field, FunctionType):
        enclosed = [cell.cell_contents for cell in vector_field.__closure__ or ()]
        return tuple([_of_value(value) for value in (*enclosed, *(vector_field.__defaults__ or ()))])
    return (_Itself(vector_field),)


def _of_module(module: nn.Module) -> Iterator[object]:
    for part in module.modules():
        yield _Itself(part)
        yield from [_of_value(value) for value in part._parameters.values()]
        yield from [_of_value(value) for value in part._buffers.values()]
        for name, value in vars(part).items():
            if name not in _OF_EVERY_MODULE:
                yield name
                yield _of_value(value)


def _of_value(value: Any) -> object:
    if isinstance(value, Tensor):
        return value.data_ptr(), value.shape, value.stride(), value.requires_grad
    return value if isinstance(value, _SAME_BY_VALUE) else _Itself(value)
