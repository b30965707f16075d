"""Modules of one architecture, each with parameters of its own, evaluated at once."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import cast

import torch
from torch import Tensor, fx, nn
from torch.func import functional_call, stack_module_state

from suite.models.replicas.stacked_graph import stacked_graph


class Replicas(nn.Module):
    """Copies of one network that differ in their parameters, such as those of several seeds, as one module.

    Every tensor has one slice for each replica in its first dimension, and no replica takes notice of another: each
    slice is what its module would give alone, to rounding. An optimiser that works element by element keeps them apart
    too (:func:`elementwise`), so that training them together by the sum of their losses is training each alone.
    """

    def __init__(self, modules: Sequence[nn.Module], like: Replicas | None = None) -> None:
        """Copy the parameters and buffers of modules, which stay as they are until :meth:`put_back`.

        Args:
            modules: The modules, on the device and in the dtype that they are used in. They draw no random numbers,
                change no buffers and read no value of a tensor on the host.
            like: Other replicas, whose graph is used as well where the architecture is the same.

        Raises:
            ValueError: When there is none, or their architectures differ.
        """
        super().__init__()
        kinds = {_architecture(module) for module in modules}
        if len(kinds) != 1:
            raise ValueError("replicas are modules of one architecture: equal in structure, shapes and dtypes")
        self._modules_alone = tuple(modules)
        parameters, buffers = stack_module_state(list(modules))
        self._names = tuple(parameters)
        self._buffer_names = tuple(buffers)
        self.stacked = nn.ParameterList(nn.Parameter(value.detach()) for value in parameters.values())
        for number, value in enumerate(buffers.values()):
            self.register_buffer(f"buffer_{number}", value.detach())
        # In a tuple, where its parameters are not taken for those of this module.
        self._shell = (copy.deepcopy(modules[0]).to("meta"),)
        self._kind = kinds.pop()
        shared = like is not None and like._kind == self._kind and len(like) == len(self)
        self._graphs: dict[tuple[object, ...], fx.GraphModule] = like._graphs if like is not None and shared else {}

    def __len__(self) -> int:
        return len(self._modules_alone)

    def forward(self, *arguments: Tensor) -> Tensor:
        """Apply every module.

        Args:
            *arguments: A tensor of no dimension is common to all, such as the time of a vector field; any other has a
                slice for each replica.

        Returns:
            What the modules give, shape ``[replicas, ...]``.
        """
        signature = tuple((each.shape, each.dtype, each.device) for each in arguments)
        inputs = (*arguments, *self.stacked, *self._stacked_buffers())
        if signature not in self._graphs:
            self._graphs[signature] = stacked_graph(self._vectorised(arguments), *inputs)
        result: Tensor = self._graphs[signature](*inputs)
        return result

    @torch.no_grad()
    def put_back(self) -> None:
        """Copy the parameters into the modules that the replicas were made of."""
        for number, module in enumerate(self._modules_alone):
            own = dict(module.named_parameters())
            for name, value in zip(self._names, self.stacked, strict=True):
                own[name].copy_(value[number])

    def _stacked_buffers(self) -> tuple[Tensor, ...]:
        return tuple(cast(Tensor, getattr(self, f"buffer_{number}")) for number in range(len(self._buffer_names)))

    def _vectorised(self, arguments: tuple[Tensor, ...]) -> Callable[..., Tensor]:
        """Return the function of arguments, stacked parameters and stacked buffers that the modules are together."""
        count, names = len(arguments), (*self._names, *self._buffer_names)
        (shell,) = self._shell

        def one(*tensors: Tensor) -> Tensor:
            result: Tensor = functional_call(shell, dict(zip(names, tensors[count:], strict=True)), tensors[:count])
            return result

        dimensions = tuple(0 if each.dim() else None for each in arguments)
        return torch.vmap(one, in_dims=(*dimensions, *(0 for _ in names)))


def _architecture(module: nn.Module) -> tuple[object, ...]:
    """Return what two modules have in common that differ in their numbers alone, as far as it can be seen."""
    tensors = (*module.named_parameters(), *module.named_buffers())
    return str(module), module.training, *((name, each.shape, each.dtype, each.device) for name, each in tensors)
