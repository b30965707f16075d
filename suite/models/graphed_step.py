"""A training step, forward pass, loss, backward pass and optimiser, as one CUDA graph."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import SGD, Adam, Optimizer, RMSprop

from suite.solvers.graphs.inner_solves import InnerSolves
from suite.solvers.graphs.recorder import CudaRecorder, GraphRecorder, NotCapturableError, Work

Losses = Callable[..., tuple[Tensor, ...]]
"""From the inputs of a step to what is minimised, of shape ``[]``, and whatever else of the step is wanted."""

WARM_UP = 3
"""Steps before the recording, as torch advises: libraries, autograd and the optimiser make what they need. The last but
one measures how many steps solves take, the last is the rehearsal."""

_OPTIMISERS = (Adam, SGD, RMSprop)  # of which AdamW is one


class GraphedStep:
    """Takes training steps; on a CUDA device, from the fourth one on, by a single launch each.

    Where a solver of the model chooses its steps, by two launches: the gradients, with a few steps more for every solve
    than the last warm-up needed, and the optimiser's step, between which the host reads whether all solves came to
    their ends. Where one did not, the training step is taken without the recording and recorded again with more. Such
    solves are of explicit Runge-Kutta methods, and differentiated by the adjoint or directly.

    A small model is limited by launches: its step has hundreds of kernels, each shorter than its launch. The first
    steps are taken one by one and train like any other, so that as many steps are taken as without graphs. The next is
    recorded as a CUDA graph, and replayed from then on with new inputs copied into those of the recording. The learning
    rate of each step is that of the optimiser's groups at the moment, so that schedules work as ever. A step whose
    inputs have other shapes than the recorded ones is taken one by one.

    On a CPU, and where steps cannot be recorded, every step is ``zero_grad``, loss, ``backward``, clipping and
    ``optimiser.step``, and :attr:`fallback` says why.

    A graph reads and writes where parameters, buffers and optimiser state were when it was recorded. All may be changed
    in place; an optimiser that loads a state has new tensors, and its step is recorded again.

    Attributes:
        fallback: Why no graph is used, in a sentence; empty where one is or will be.
    """

    _steps: int
    _solves: InnerSolves
    _replay: Work | None
    _replay_update: Work | None

    def __init__(
        self,
        losses: Losses,
        optimiser: Optimizer,
        *,
        gradient_norm: float | None = None,
        recorder: GraphRecorder | None = None,
    ) -> None:
        """Take no step yet.

        Args:
            losses: Computes from tensors alone: it draws no random number on the host and makes the same operations for
                equal shapes, but for the steps of solves. Of what it counts there, what solved fields count is counted
                in every step. What it changes beside gradients is changed twice by a step that is taken again.
            optimiser: Of parameters on one device, with learning rates that are plain numbers.
            gradient_norm: Larger gradients of all parameters together are scaled down to it; None leaves them.
            recorder: Records the steps; by default one of CUDA graphs where the parameters are on a CUDA device.

        Raises:
            ValueError: When the optimiser has no parameters.
        """
        self._losses, self._optimiser, self._gradient_norm = losses, optimiser, gradient_norm
        self._parameters: list[nn.Parameter] = [each for group in optimiser.param_groups for each in group["params"]]
        if not self._parameters:
            raise ValueError("an optimiser that takes steps has parameters")
        self._device = self._parameters[0].device
        self.fallback = ""
        if recorder is None and self._device.type == "cuda":
            recorder = CudaRecorder(self._device)
        self._recorder = recorder
        if recorder is None:
            self.fallback = f"the parameters are on a {self._device.type.upper()}, where no kernel is launched"
        elif not isinstance(optimiser, _OPTIMISERS):
            self.fallback = f"{type(optimiser).__name__} has no step that reads its learning rate on the device"
        self._forget()

    def __call__(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        """Take a step and return what the losses returned, without gradients; valid until the next step."""
        if self.fallback or self._recorder is None:
            return self._step(*inputs)
        if self._optimiser.state is not self._state:
            self._forget()
        if self._replay is None:
            try:
                if self._steps < WARM_UP:
                    return self._warm_up(self._recorder, inputs)
                self._record(self._recorder, inputs)
            except NotCapturableError as error:
                self.fallback = str(error)
                return self._step(*inputs)
        if [each.shape for each in inputs] != [each.shape for each in self._inputs] or self._replay is None:
            return self._step(*inputs)
        for static, new in zip(self._inputs, inputs, strict=True):
            static.copy_(new)
        self._copy_rates()
        found = self._replay()
        if not self._solves.settle():
            self._replay, self._steps = None, WARM_UP - 1
            return self._measure(self._recorder, inputs)
        if self._replay_update is not None:
            self._replay_update()
        return found

    def _step(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        found = self._gradients(*inputs)
        self._update()
        return found

    def _gradients(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        self._optimiser.zero_grad()
        found = self._losses(*inputs)
        found[0].backward()
        return tuple(each.detach() for each in found)

    def _update(self) -> tuple[Tensor, ...]:
        if self._gradient_norm is not None:
            nn.utils.clip_grad_norm_(self._parameters, self._gradient_norm)
        self._optimiser.step()
        return ()

    def _forget(self) -> None:
        """Begin anew with the optimiser's present state."""
        self._state = self._optimiser.state
        self._steps = 0
        self._inputs: tuple[Tensor, ...] = ()
        self._rates: list[tuple[float, Tensor]] = []
        self._solves = InnerSolves()
        self._replay = self._replay_update = None

    def _warm_up(self, recorder: GraphRecorder, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """Take one of the steps before the recording: plain ones, one that measures solves, and the rehearsal."""
        if self._steps == 0:
            self._prepare()
        self._copy_rates()
        self._steps += 1
        if self._steps == WARM_UP:
            return self._rehearse(recorder, inputs)
        if self._steps == WARM_UP - 1:
            return self._measure(recorder, inputs)
        with self._all_on_the_device():
            return recorder.warm_up(lambda: self._step(*inputs))

    def _measure(self, recorder: GraphRecorder, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """Take a step in which every solve takes the steps that it needs, and provide for as many."""
        with self._all_on_the_device(), self._solves.measured():
            found = recorder.warm_up(lambda: self._step(*inputs))
        self._solves.settle()
        self._solves.provide()
        self.fallback = self._solves.obstacle
        return found

    def _rehearse(self, recorder: GraphRecorder, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """Take a step under the rules of a recording."""
        work = self._gradients if self._solves else self._step
        with self._all_on_the_device(), self._solves.recorded():
            found = recorder.rehearse(lambda: work(*inputs))
        if not self._solves.settle():
            self._steps = WARM_UP - 1
            return self._measure(recorder, inputs)
        if self._solves:
            with self._all_on_the_device():
                recorder.rehearse(self._update)
        return found

    def _record(self, recorder: GraphRecorder, inputs: tuple[Tensor, ...]) -> None:
        self._inputs = tuple(each.detach().clone() for each in inputs)
        work = self._gradients if self._solves else self._step
        with self._all_on_the_device():
            with self._solves.recorded():
                replay = recorder.capture(lambda: work(*self._inputs))
            # Gradients lie where they do in the first recording: nothing may replace them before the second.
            self._replay_update = recorder.capture(self._update) if self._solves else None
        self._replay = replay

    def _prepare(self) -> None:
        """Have the optimiser keep on the device whatever changes from step to step."""
        for group in self._optimiser.param_groups:
            if "fused" in group:  # one launch, which reads the rate and the number of the step on the device
                group["fused"] = True
        for parameter, state in self._optimiser.state.items():
            if "step" in state:
                state["step"] = state["step"].to(parameter.device)
        self._rates = [
            (float("nan"), torch.zeros((), dtype=torch.float32, device=self._device))
            for _ in self._optimiser.param_groups
        ]

    def _copy_rates(self) -> None:
        """Give the device the present learning rates, those that have changed."""
        for number, group in enumerate(self._optimiser.param_groups):
            rate, static = self._rates[number]
            if group["lr"] != rate:
                static.fill_(group["lr"])
                self._rates[number] = group["lr"], static

    @contextmanager
    def _all_on_the_device(self) -> Iterator[None]:
        """Let the optimiser's steps read nothing on the host."""
        groups = self._optimiser.param_groups
        before: list[dict[str, Any]] = [
            {key: group[key] for key in ("lr", "capturable") if key in group} for group in groups
        ]
        for group, (_, static) in zip(groups, self._rates, strict=True):
            group["lr"] = static
            if "capturable" in group and self._device.type == "cuda":  # torch refuses it elsewhere
                group["capturable"] = True
        try:
            with warnings.catch_warnings():
                # Torch remarks that a warm-up is not recorded.
                warnings.filterwarnings("ignore", message=".*capturable=True", category=UserWarning)
                yield
        finally:
            for group, values in zip(groups, before, strict=True):
                group.update(values)
