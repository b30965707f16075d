"""The accepted steps of a solve as numbers, so that a backward pass takes the very same steps again."""

from __future__ import annotations

from array import array
from functools import cached_property
from typing import ClassVar

from torch import Tensor

from suite.solvers.errors import InvalidProblemError
from suite.solvers.grid_loop import GridStep
from suite.solvers.method import ExplicitRungeKutta
from suite.solvers.options import AdaptiveOptions, FixedGridOptions
from suite.solvers.problem import Problem
from suite.solvers.runge_kutta import Field, RungeKutta, Step
from suite.solvers.stage_sum import Time
from suite.solvers.times import number


class RecordedSteps:
    """Where the steps of a solve start and how long they are: two numbers a step.

    Attributes:
        starts: Start of every step.
        sizes: Signed size of every step.
        values: Output times.
        settings: Options of the solve.
    """

    def __init__(self, values: list[float], settings: AdaptiveOptions | FixedGridOptions) -> None:
        if isinstance(settings, FixedGridOptions) and settings.perturb:
            raise InvalidProblemError("option perturb is for gradient=None: no other way to differentiate takes it")
        self.starts = array("d")
        self.sizes = array("d")
        self.values = values
        self.settings = settings

    def __len__(self) -> int:
        return len(self.starts)

    def add(self, step: GridStep) -> None:
        """Add a step that was accepted."""
        self.starts.append(number(step.start))
        self.sizes.append(number(step.size))

    def point(self, index: int) -> float:
        """Return where a step starts, or where the last one ends."""
        return self.starts[index] if index < len(self) else self.values[-1]

    @cached_property
    def outputs(self) -> dict[int, list[int]]:
        """The outputs that lie in a step or at its end, for each step that has any."""
        found: dict[int, list[int]] = {}
        direction = 1 if self.values[-1] >= self.values[0] else -1
        step = 0
        for output, time in enumerate(self.values[1:], start=1):
            while direction * (time - self.point(step + 1)) > 0:
                step += 1
            found.setdefault(step, []).append(output)
        return found

    @property
    def grid_is_outputs(self) -> bool:
        """Whether the steps run from output to output."""
        if not isinstance(self.settings, FixedGridOptions):
            return False
        return self.settings.step_size is None and self.settings.grid_constructor is None

    def jumps(self, index: int) -> bool:
        """Say whether the field jumps where a step starts, or the last one ends."""
        return isinstance(self.settings, AdaptiveOptions) and self.settings.jumps_at(self.point(index))

    @cached_property
    def _free(self) -> int:
        """How many points move with the first output time: those before the first on which a step had to end."""
        if isinstance(self.settings, FixedGridOptions):
            return len(self) if self.settings.grid_constructor is None else 0
        stops = self.settings.stops(self.values[0], self.values[-1])
        return next((k for k in range(1, len(self)) if self.starts[k] in stops), len(self))

    def moves_with(self, index: int) -> int | None:
        """Return the output time with which the start of a step moves (or the end of the last one), if any."""
        if index == len(self):
            return len(self.values) - 1
        if self.grid_is_outputs:
            return index
        return 0 if index < self._free else None


class Recorder:
    """Records the steps of one solve.

    Attributes:
        steps: The steps so far; none before the solve begins.
    """

    steps: RecordedSteps

    def begin(self, values: list[float], settings: AdaptiveOptions | FixedGridOptions) -> None:
        """Say that a solve begins."""
        self.steps = RecordedSteps(values, settings)

    def accepted(self, step: GridStep) -> None:
        """Say that a step was accepted."""
        self.steps.add(step)


class RecordedRungeKutta(ExplicitRungeKutta):
    """An explicit Runge-Kutta method whose steps are recorded."""

    replayable: ClassVar[bool] = False  # every step is told to the recorder
    _recorder: Recorder

    def __init__(self, method: ExplicitRungeKutta, recorder: Recorder) -> None:
        super().__init__(method.name, method.tableau, adaptive=method.adaptive)
        object.__setattr__(self, "_recorder", recorder)

    def _control(self, settings: AdaptiveOptions, problem: Problem) -> None:
        self._recorder.begin(problem.values, settings)
        super()._control(settings, problem)

    def _walk(self, settings: FixedGridOptions, problem: Problem) -> None:
        self._recorder.begin(problem.values, settings)
        super()._walk(settings, problem)

    def _bound(self, problem: Problem) -> RungeKutta:
        return _RecordingRungeKutta(problem, self, self._recorder)


class _RecordingRungeKutta(RungeKutta):
    """Steps a tableau, and records every step that is accepted."""

    def __init__(self, problem: Problem, method: ExplicitRungeKutta, recorder: Recorder) -> None:
        super().__init__(method.tableau, problem.y0)
        self._recorder = recorder
        self._tried: Step | None = None

    def step(self, field: Field, t: Time, h: Time, y: Tensor, f0: Tensor | None, *, inside: bool = False) -> Step:
        self._tried = super().step(field, t, h, y, f0, inside=inside)
        return self._tried

    def accept(self) -> None:
        super().accept()
        if self._tried is not None:
            self._recorder.accepted(self._tried)
