"""What a correction sees of a step, and the declared form in which a network takes it."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from suite.solvers.errors import InvalidProblemError, InvalidTypeError
from suite.solvers.stage_sum import Time
from suite.solvers.state import State


@dataclass(frozen=True)
class StepInputs:
    """The arguments of ``g(eps, s, x, z)`` for one step, with the stages that the base solver evaluated anyway.

    Attributes:
        step: Signed step size ``eps``: a number, a 0-dimensional tensor, or one value for each sample of a batch of
            steps, of a shape that broadcasts to the state's.
        time: Time ``s`` at the start of the step, likewise.
        state: State ``z`` at the start, as the user sees it.
        stages: Stage derivatives ``k1, k2, ...``, each like the state.
        initial: State at the start of the whole solve, like the state.
        x: What the solve is conditioned on, where the hypersolver was given something.
    """

    step: Time
    time: Time
    state: State
    stages: Sequence[State]
    initial: State
    x: Tensor | None = None


Correction = Callable[[StepInputs], State]
"""``g``: returns the scaled local error of the base solver, like the state."""

NAMED = ("state", "stages", "initial", "x", "step", "time")
STAGE = re.compile(r"k([1-9][0-9]*)")


@dataclass(frozen=True)
class InputForm:
    """Which inputs a network takes, in which order, and along which dimension they are joined.

    ``("state", "k1", "step")`` is that of the paper's HyperEuler, ``("state", "stages", "initial", "step")`` that of
    its HyperHeun (Poli et al. 2020, released notebooks). Step and time each fill one channel.

    Attributes:
        parts: Names out of ``state``, ``stages`` (all of them), ``k1``, ``k2``, ... (one), ``initial``, ``x``, ``step``
            and ``time``.
        dim: The dimension of the channels: -1 of vectors, 1 of images.

    Raises:
        InvalidProblemError: When a part is unknown or there is none.
    """

    parts: tuple[str, ...]
    dim: int = -1

    def __post_init__(self) -> None:
        if isinstance(self.parts, str) or not self.parts:
            raise InvalidProblemError(f"an input form is a tuple of one part at least, not {self.parts!r}")
        for part in self.parts:
            if part not in NAMED and not STAGE.fullmatch(part):
                raise InvalidProblemError(f"unknown part {part!r}; the parts are {', '.join(NAMED)} and k1, k2, ...")

    def __str__(self) -> str:
        return f"{','.join(self.parts)} along {self.dim}"

    def width(self, channels: int, stages: int, x_channels: int = 0) -> int:
        """Return the number of channels of the joined inputs.

        Args:
            channels: Of the state.
            stages: Of the base solver.
            x_channels: Of what the solve is conditioned on.
        """
        widths = {"stages": stages * channels, "x": x_channels, "step": 1, "time": 1}
        return sum(widths.get(part, channels) for part in self.parts)

    def join(self, inputs: StepInputs) -> Tensor:
        """Return the inputs as one tensor, shaped like the state but for its channels.

        Raises:
            InvalidTypeError: When the state is a tuple.
            InvalidProblemError: When a part is missing, or the state has no such dimension.
        """
        state = inputs.state
        if not isinstance(state, Tensor):
            raise InvalidTypeError(
                "an input form joins a state that is one tensor; for a tuple, the correction is a function of its parts"
            )
        if not -state.ndim <= self.dim < state.ndim:
            raise InvalidProblemError(
                f"the input form joins along dimension {self.dim}, and the state has shape {tuple(state.shape)}"
            )
        pieces = [piece for part in self.parts for piece in self._pieces(part, inputs, state)]
        return torch.cat([piece for piece in pieces if isinstance(piece, Tensor)], dim=self.dim)

    def _pieces(self, part: str, inputs: StepInputs, state: Tensor) -> Sequence[State]:
        if part == "state":
            return (state,)
        if part == "stages":
            return inputs.stages
        if part == "initial":
            return (inputs.initial,)
        if part == "x":
            if inputs.x is None:
                raise InvalidProblemError("the correction takes an input x, and the hypersolver was given none")
            return (inputs.x,)
        if part in ("step", "time"):
            return (self._channel(inputs.step if part == "step" else inputs.time, state),)
        index = int(part[1:])
        if index > len(inputs.stages):
            raise InvalidProblemError(
                f"the correction takes the stage {part}, and the base solver has {len(inputs.stages)}"
            )
        return (inputs.stages[index - 1],)

    def _channel(self, value: Time, state: Tensor) -> Tensor:
        shape = list(state.shape)
        shape[self.dim] = 1
        if isinstance(value, Tensor):
            return value.to(state.device, state.dtype).expand(shape)
        return state.new_full(shape, value)
