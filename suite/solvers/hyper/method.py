"""The hypersolver as a method: a base tableau and a correction of its local error."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from torch import Tensor, nn

from suite.solvers.errors import InvalidProblemError, InvalidTypeError
from suite.solvers.graphs.field_identity import field_identity
from suite.solvers.graphs.replayed_grid import Recorded
from suite.solvers.hermite_step import HermiteStep
from suite.solvers.hyper.inputs import Correction, InputForm, StepInputs
from suite.solvers.method import ExplicitRungeKutta, GridMethod
from suite.solvers.methods import find
from suite.solvers.options import FixedGridOptions
from suite.solvers.perturbed_field import PerturbedField
from suite.solvers.problem import Problem
from suite.solvers.runge_kutta import Field, RungeKutta
from suite.solvers.stage_sum import Time, factor
from suite.solvers.state import State, StateLayout
from suite.solvers.tableau import ButcherTableau


@dataclass(frozen=True, eq=False)
class Hypersolver(GridMethod):
    """``z_{k+1} = z_k + eps psi(s_k, x, z_k) + eps^(p+1) g(eps, s_k, x, z_k)`` (Poli et al. 2020, section 3).

    ``psi`` is any explicit Runge-Kutta method of order ``p`` on a fixed grid. It evaluates the field once for each of
    its stages, and ``g`` is given these derivatives: a step costs as many evaluations as the tableau has stages. A
    first-same-as-last tableau is no exception, as the corrected end of a step is not where its last stage was.

    Autograd follows the steps through the field and through ``g``, which may so be trained together. ``g`` is no part
    of the differential equation: ``gradient=Adjoint(method="rk4")`` differentiates by state and field as the
    continuous adjoint of the uncorrected equation, and gives no gradient of ``g``; a reverse solve by the hypersolver
    itself would ask ``g`` about a state that it does not know.

    Attributes:
        tableau: The base method.
        correction: ``g``; a module, or any function of :class:`StepInputs`. Of a tuple state it returns a tuple.
        x: What ``g`` is conditioned on beside the state, or None.

    Raises:
        InvalidProblemError: When the base is no explicit Runge-Kutta method, or ``g`` is no function.
    """

    replayable: ClassVar[bool] = True
    tableau: ButcherTableau
    correction: Correction
    x: Tensor | None = None

    def __init__(
        self, base: str | ButcherTableau | ExplicitRungeKutta, correction: Correction, *, x: Tensor | None = None
    ) -> None:
        """Correct a base method.

        Args:
            base: An explicit Runge-Kutta method, by its registered name, its tableau or itself.
            correction: ``g``.
            x: What ``g`` is conditioned on.
        """
        found = find(base)
        if not isinstance(found, ExplicitRungeKutta):
            raise InvalidProblemError(
                f"the base of a hypersolver is an explicit Runge-Kutta method, not {found.name!r}"
            )
        if not callable(correction):
            raise InvalidTypeError(f"the correction is a function of the inputs of a step, not {correction!r}")
        super().__init__(f"hyper-{found.name}", found.tableau.order)
        for name, value in (("tableau", found.tableau), ("correction", correction), ("x", x)):
            object.__setattr__(self, name, value)

    @property
    def base(self) -> ExplicitRungeKutta:
        """The base method without the correction, on a fixed grid."""
        return ExplicitRungeKutta(self.name.removeprefix("hyper-"), self.tableau, adaptive=False)

    @property
    def form(self) -> InputForm | None:
        """The input form that ``g`` declares, if it does."""
        form = getattr(self.correction, "form", None)
        return form if isinstance(form, InputForm) else None

    def recorded(self) -> Recorded:
        """Return what a recording fixes: where the numbers of ``g`` and of ``x`` lie, and not their values."""
        g, x = self.correction, self.x
        where = None if x is None else (x.data_ptr(), x.shape, x.stride(), x.dtype)
        parameters = tuple(g.parameters()) if isinstance(g, nn.Module) else ()
        reads = parameters if x is None else (*parameters, x)
        return Recorded((self.tableau, field_identity(g), where), reads, followed=isinstance(g, nn.Module))

    def given(self, x: Tensor) -> Hypersolver:
        """Return the same hypersolver, conditioned on something else."""
        return Hypersolver(self.base, self.correction, x=x)

    def stepper(self, problem: Problem, options: FixedGridOptions) -> HyperStepper:  # noqa: ARG002 - needs none of them
        """Return what takes the steps of one solve."""
        return HyperStepper(self, problem.field.layout, problem.y0)


class HyperStep(HermiteStep):
    """One corrected step; inside it is the cubic through its ends, whose slopes are those of the field."""


class HyperStepper:
    """Takes the steps of one solve by a hypersolver.

    Args:
        method: The hypersolver.
        layout: How the user sees a state.
        initial: State at the start of the solve, packed.
    """

    def __init__(self, method: Hypersolver, layout: StateLayout, initial: Tensor) -> None:
        self._method, self._layout = method, layout
        self._initial = layout.unpack(initial)
        self._base = RungeKutta(method.tableau, initial)
        self._same_as_last = method.tableau.first_same_as_last
        self._end: tuple[Tensor, Tensor] | None = None
        self._known_to_fit = False

    def step(self, field: Field, t: Time, h: Time, y: Tensor, f0: Tensor | None) -> HyperStep:
        """Take a base step and add ``h^(p+1) g``."""
        method, unpack = self._method, self._layout.unpack
        clocked = None
        if self._same_as_last and not isinstance(field, PerturbedField):
            if f0 is None and self._end is not None and self._end[0] is y:
                # Where the base method's last stage was, which by rounding is not always the next grid point: without a
                # correction the steps are those of the base method to the last bit.
                f0 = field(self._end[1], y)
            clocked = _Clocked(field)
        base = self._base.step(clocked or field, t, h, y, f0)
        stages = [unpack(slope) for slope in base.slopes]
        inputs = StepInputs(h, t, unpack(y), stages, self._initial, method.x)
        correction = self._packed(method.correction(inputs) if self._known_to_fit else self._first(inputs))
        y1 = base.y1 + factor(h, y) ** (method.order + 1) * correction
        self._end = None if clocked is None else (y1, clocked.last)
        return HyperStep(t, h, y, y1, base.slopes[0])

    def accept(self) -> None:
        """Say that the walk goes on from the last step; nothing is carried."""

    def _first(self, inputs: StepInputs) -> State:
        """Ask for a correction for the first time, when it may turn out not to fit the state."""
        try:
            correction = self._method.correction(inputs)
        except RuntimeError as error:
            raise InvalidProblemError(
                f"the correction does not take {_words(inputs.state)} ({error}); an adjoint needs a method of its own "
                "for the reverse solve"
            ) from error
        self._known_to_fit = True
        return correction

    def _packed(self, correction: Any) -> Tensor:
        layout = self._layout
        parts = correction if isinstance(correction, tuple) else (correction,)
        fits = isinstance(correction, tuple) == layout.is_tuple and len(parts) == len(layout.shapes)
        if not fits or not all(
            isinstance(part, Tensor) and part.shape == shape and part.dtype == layout.dtype
            for part, shape in zip(parts, layout.shapes, strict=True)
        ):
            raise InvalidProblemError(
                f"the correction returned {_words(correction)} for {_words(self._initial)}; it has to be like the state"
            )
        return layout.pack(correction)


class _Clocked:
    """A field that remembers the time at which it was evaluated last."""

    last: Tensor

    def __init__(self, field: Field) -> None:
        self._field = field

    def __call__(self, t: Tensor, y: Tensor) -> Tensor:
        self.last = t
        return self._field(t, y)


def _words(value: object) -> str:
    if isinstance(value, Tensor):
        return f"a tensor of shape {tuple(value.shape)} and {value.dtype}"
    if isinstance(value, tuple):
        return f"a tuple of {' and '.join(_words(part) for part in value)}"
    return f"a {type(value).__name__}"
