"""A stand-in for CUDA graphs on a CPU, which repeats the operations of a recording on the recorded tensors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch._ops import OpOverload
from torch.optim import Optimizer
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map_only

from suite.models.graphed_step import GraphedStep, Losses
from suite.solvers.graphs.recorder import NotCapturableError, Work


def tensors(tree: Any) -> list[Tensor]:
    return [tree] if isinstance(tree, Tensor) else [each for each in tree_leaves(tree) if isinstance(each, Tensor)]


class Operation:
    """An operation that is done again on the same tensors, looked through once as it is repeated thousands of times."""

    def __init__(self, func: OpOverload, args: tuple[Any, ...], kwargs: dict[str, Any], outputs: Any) -> None:
        self._func, self._args, self._kwargs = func, args, kwargs
        self._mutates = func._schema.is_mutable
        given = {each.untyped_storage().data_ptr() for each in tensors((args, kwargs))}
        self._made = [  # the others are views of what has been written already
            (place, each)
            for place, each in enumerate(tensors(outputs))
            if each.untyped_storage().data_ptr() not in given
        ]

    def again(self) -> None:
        if self._mutates:
            self._func(*self._args, **self._kwargs)
        elif self._made:
            new = tensors(self._func(*self._args, **self._kwargs))
            for place, old in self._made:
                old.copy_(new[place])


def _as_they_are(tree: Any) -> Any:
    """Return the same memory with the shapes of the moment."""
    return tree_map_only(Tensor, torch.ops.aten.alias.default, tree)


class Tape(TorchDispatchMode):
    """Keeps the operations below autograd with their tensors; to read a number of a tensor is an error."""

    def __init__(self, *, records: bool) -> None:
        super().__init__()
        self.operations: list[Operation] = []
        self.records = records

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is torch.ops.aten._local_scalar_dense.default:
            raise NotCapturableError("a step reads a number of a tensor")
        # What only turns a tensor around in its place, as a recurrent layer does, has no work to repeat.
        if not self.records or torch.Tag.inplace_view in func.tags:
            return func(*args, **(kwargs or {}))
        given, named = _as_they_are((args, kwargs or {}))
        outputs = func(*args, **(kwargs or {}))
        self.operations.append(Operation(func, given, named, _as_they_are(outputs)))
        return outputs

    def play(self) -> None:
        with torch.no_grad():
            for operation in self.operations:
                operation.again()


class TapeRecorder:
    """Records on a CPU; whatever a recording changed of ``kept`` is put back, as a recording does nothing.

    Attributes:
        warm_ups: Steps taken as warm-ups.
        captures: Recordings.
        replays: Times that recordings were repeated; a loop is one.
    """

    def __init__(self, kept: Callable[[], list[Tensor]]) -> None:
        self._kept = kept
        self.warm_ups = self.captures = self.replays = 0

    def warm_up(self, work: Work) -> tuple[Tensor, ...]:
        self.warm_ups += 1
        return work()

    def rehearse(self, work: Work) -> tuple[Tensor, ...]:
        with Tape(records=False):
            return self.warm_up(work)

    def capture(self, work: Work) -> Work:
        tape, outputs = self._record(work)

        def replay() -> tuple[Tensor, ...]:
            self.replays += 1
            tape.play()
            return outputs

        return replay

    def capture_loop(self, work: Work, goes_on: Tensor) -> Work:
        tape, outputs = self._record(work)
        value = goes_on.numpy()  # as the device sees it: no wait of the host

        def replay() -> tuple[Tensor, ...]:
            self.replays += 1
            tape.play()
            while value > 0:
                tape.play()
            return outputs

        return replay

    def _record(self, work: Work) -> tuple[Tape, tuple[Tensor, ...]]:
        before = [each.detach().clone() for each in self._kept()]
        tape = Tape(records=True)
        with tape:
            outputs = work()
        with torch.no_grad():
            for each, value in zip(self._kept(), before, strict=True):
                each.copy_(value)
        self.captures += 1
        return tape, outputs


class TapedSteps:
    """Makes training steps with a stand-in recorder, in place of ``GraphedStep``.

    Attributes:
        made: The steps so far, each with its recorder.
    """

    def __init__(self) -> None:
        self.made: list[tuple[GraphedStep, TapeRecorder]] = []

    def __call__(self, losses: Losses, optimiser: Optimizer, **options: Any) -> GraphedStep:
        def kept() -> list[Tensor]:
            parameters = [each for group in optimiser.param_groups for each in group["params"]]
            return [*parameters, *tensors([list(state.values()) for state in optimiser.state.values()])]

        recorder = TapeRecorder(kept)
        self.made.append((GraphedStep(losses, optimiser, recorder=recorder, **options), recorder))
        return self.made[-1][0]


def never_recorded(losses: Losses, optimiser: Optimizer, **options: Any) -> GraphedStep:
    """Return training steps that are all taken one by one, wherever they are."""
    step = GraphedStep(losses, optimiser, **options)
    step.fallback = "this is what graphs are compared with"
    return step
