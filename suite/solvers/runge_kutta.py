"""One step of an explicit Runge-Kutta method."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import cast

import torch
from torch import Tensor

from suite.solvers.coefficients import Coefficients, bind
from suite.solvers.error_norm import ErrorScale
from suite.solvers.host_clocks import HOST_DTYPES, HostClocks
from suite.solvers.stage_buffer import PartedField, StageBuffer
from suite.solvers.stage_states import StageStates
from suite.solvers.stage_sum import Time, factor, neighbour, stage_sum
from suite.solvers.stage_sums import StageSums
from suite.solvers.tableau import ButcherTableau
from suite.solvers.times import clock_of

Field = Callable[[Tensor, Tensor], Tensor]


# On a CPU, the sums of a larger state no longer stay in the cache while all of them are added to at once, and its terms
# are added one by one. Measured, dopri5's step without the field, in percent of the time of the latter: 52 at 256
# entries, 72 at 8192, 78 at 16384, 130 at 32768. On a GPU every addition is a kernel to launch.
_FEW_ENTRIES = 16384


@dataclass(eq=False, slots=True)
class Step:
    """One step of an explicit Runge-Kutta method, from ``start`` over ``size``.

    Its stages, and with them the field at its end, are valid until the next step is tried, unless the method keeps its
    steps.

    Attributes:
        start: Time at the start.
        size: Signed step size.
        y0: State at the start.
        y1: State at the end.
        slopes: Stage derivatives, a sequence of them or all in one tensor of shape ``[stages, *state]``.
        f1: Field at the end; None until it is known (it comes free with first-same-as-last methods).
        error_ratio: Norm of the error in units of the tolerance, 0-dimensional, where the step measured it; else None.
        error: The local error per unit of step size, where it came with the sums of the stages; else None.
        inside: Whether the field jumps at the end, and is evaluated just before it.
        added: Stages that dense output adds, where the method's own do not suffice.
    """

    coefficients: Coefficients
    start: Time
    size: Time
    y0: Tensor
    y1: Tensor
    slopes: Tensor | Sequence[Tensor]
    f1: Tensor | None
    error_ratio: Tensor | None = None
    error: Tensor | None = None
    inside: bool = False
    added: Sequence[Tensor] = ()

    @property
    def stages(self) -> Tensor:
        """Stage derivatives, shape ``[n, stages]``."""
        stages = self.slopes if isinstance(self.slopes, Tensor) else torch.stack(list(self.slopes))
        return (stages if stages.ndim == 2 else stages.view(len(stages), -1)).t()

    def local_error(self, entries: int | None) -> Tensor:
        """Return the embedded error estimate per unit of step size: of the state, or of its first entries."""
        if self.error is not None:
            return self.error if entries is None else self.error.reshape(-1)[:entries]
        weights, terms = self.coefficients.error, self.coefficients.error_terms
        if weights is None:
            raise TypeError("a tableau without an embedded solution has no error estimate")
        if not isinstance(self.slopes, Tensor) and entries is None:
            (index, weight), *rest = terms
            total = self.slopes[index].mul(weight)
            for index, weight in rest:
                total.add_(self.slopes[index], alpha=weight)
            return total
        error = torch.mv(self.stages if entries is None else self.stages[:entries], weights)
        return error if entries is not None or self.y0.ndim == 1 else error.view(self.y0.shape)

    def complete(self, field: Field) -> None:
        """Evaluate what dense output needs beside the stages: the field at the end, and stages added inside."""
        inside = self.coefficients.inside
        if self.f1 is None:
            self.f1 = field(self._clock(1.0), self.y1)
        if len(self.added) == len(inside.added_nodes):
            return
        slopes = [*self.slopes] if self.coefficients.first_same_as_last else [*self.slopes, self.f1]
        for node, terms in zip(inside.added_nodes, inside.added_terms, strict=True):
            slope = field(self._clock(node), stage_sum(self.y0, slopes, terms, self.size))
            slopes.append(slope)
        self.added = slopes[len(slopes) - len(inside.added_nodes) :]

    def dense_slopes(self) -> Tensor:
        """Return all that the continuous extension is made of, in its order, shape ``[stages, *state]``.

        Raises:
            TypeError: When the step is not complete.
        """
        if self.f1 is None or len(self.added) != len(self.coefficients.inside.added_nodes):
            raise TypeError("dense output needs a complete step")
        end = [] if self.coefficients.first_same_as_last else [self.f1]
        if isinstance(self.slopes, Tensor) and not end and not self.added:
            return self.slopes
        return torch.stack([*self.slopes, *end, *self.added])

    def interpolate(self, t: Time) -> Tensor:
        """Return the state at a time inside the step, by the method's continuous extension."""
        inside, slopes = self.coefficients.inside, self.dense_slopes()
        powers = torch.pow((t - self.start) / self.size, inside.powers)
        weights = torch.mv(inside.polynomials, powers.to(inside.polynomials.dtype))
        change = torch.mv(slopes.view(len(slopes), -1).t(), weights).view(self.y0.shape)
        state: Tensor = self.y0 + factor(self.size, self.y0) * change
        return state

    def _clock(self, node: float) -> Tensor:
        dtype, device = self.coefficients.nodes.dtype, self.y0.device
        time = clock_of(self.start + node * self.size, dtype, device)
        return neighbour(time, clock_of(self.start, dtype, device)) if self.inside else time


class RungeKutta:
    """Steps an explicit tableau for states of one shape, dtype and device.

    Args:
        tableau: The method.
        like: A state.
        read: For a ``PartedField``: how many leading entries of the state it reads; the rest are quadratures, for which
            no stage states are formed.

    Attributes:
        walks: Whether a loop over a fixed grid is to :meth:`walk`, which calls neither :meth:`step` nor :meth:`accept`.
            Set by whoever knows that autograd does not follow the steps.
    """

    def __init__(self, tableau: ButcherTableau, like: Tensor, *, read: int | None = None) -> None:
        self.tableau = tableau
        self._read = read
        device = like.device
        self.coefficients = coefficients = bind(tableau, like.dtype, device)
        on_host, dtype = device.type == "cpu", coefficients.nodes.dtype
        self.walks = False
        self._host_clocks = HostClocks(dtype) if on_host and dtype in HOST_DTYPES else None
        self._later_nodes = coefficients.node_numbers[1:]
        self._sums: StageSums | None = None
        self._states: StageStates | None = None
        self._buffer: StageBuffer | None = None
        self._first: Tensor | None = None
        few = not on_host or like.numel() <= _FEW_ENTRIES
        self._take: Callable[..., Step] = RungeKutta._listed
        if read is not None:
            self._take = RungeKutta._buffered
        # Two operations a stage, which on a CPU take the time of three additions, or an addition for every term.
        elif few and (3 if on_host else 2) * tableau.stages < coefficients.terms:
            self._take = RungeKutta._accumulated
        at_once = few and coefficients.at_once and like.dtype in HOST_DTYPES
        self._take_in_walk = RungeKutta._at_once if at_once and self._take is RungeKutta._listed else self._take

    def step(self, field: Field, t: Time, h: Time, y: Tensor, f0: Tensor | None, *, inside: bool = False) -> Step:
        """Take one step.

        Args:
            field: Vector field on the packed state.
            t: Time at the start.
            h: Signed step size.
            y: State.
            f0: Field at the start; evaluated where it is None.
            inside: Evaluate the stages at the largest representable times before their own, for a step that ends on a
                discontinuity.
        """
        clocks: Sequence[Tensor]
        if f0 is None:
            start, *clocks = self._clocks(t, h, inside)
            f0 = field(start, y)
        else:
            clocks = self._clocks(t, h, inside, later=True)
        recorded = isinstance(h, Tensor) or torch.is_grad_enabled()
        take = RungeKutta._listed if recorded else self._take
        step = take(self, field, t, h, y, f0, clocks)
        if inside:
            step.inside = True
        return step

    def walk(self, field: Field, times: Sequence[float], y: Tensor) -> Iterator[Step]:
        """Take a step between every two of some times that autograd does not follow; as :meth:`step`, for less."""
        take, f0 = self._take_in_walk, None
        for (start, end), (first, *later) in zip(pairwise(times), self._clocks_of_grid(times), strict=True):
            step = take(self, field, start, end - start, y, field(first, y) if f0 is None else f0, later)
            yield step
            y, f0 = step.y1, step.f1

    def _clocks_of_grid(self, times: Sequence[float]) -> Iterator[Sequence[Tensor]]:
        """Return the time of every stage of every step over a grid, as the vector field sees it."""
        if self._host_clocks is not None:
            return self._host_clocks.take_grid(times, self.coefficients.node_numbers)
        return (self._clocks(start, end - start, inside=False) for start, end in pairwise(times))

    def step_of_size(self, field: Field, t: Tensor, h: Tensor, y: Tensor, f0: Tensor) -> Step:
        """Take one step whose time and signed size the device alone knows, double precision and 0-dimensional.

        Nothing waits for the device. The step's slopes are those of the field, but it is of size 1: its local error is
        that of the whole step.
        """
        if self._sums is None:
            self._sums = StageSums(self.tableau, y, sized=True)
        self._sums.resize(h.to(y.dtype))
        clocks = torch.addcmul(t, self.coefficients.nodes, h).to(self.coefficients.nodes.dtype).unbind()
        return self._accumulated(field, 0.0, 1.0, y, f0, clocks[1:])

    def _clocks(self, t: Time, h: Time, inside: bool, *, later: bool = False) -> Sequence[Tensor]:
        """Return the time of every stage, or of every one but the first, as the vector field sees it."""
        if self._host_clocks is not None and not (inside or isinstance(h, Tensor) or isinstance(t, Tensor)):
            return self._host_clocks.take(t, h, self._later_nodes if later else self.coefficients.node_numbers)
        several = self.coefficients.nodes * h + t
        return (neighbour(several, several[0]) if inside else several).unbind()[int(later) :]

    def measure(self, scale: ErrorScale) -> None:
        """Say how errors are going to be measured, to a method whose steps can measure their own."""
        del scale

    def start(self, t: float, direction: int, y: Tensor, f0: Tensor | None) -> tuple[Tensor, Tensor] | None:
        """Return what the search for a first step starts from, and the field there; None: the search measures it."""
        del t, direction, y, f0
        return None

    def accept(self) -> None:
        """Say that the last step tried was accepted."""

    def _listed(self, field: Field, t: Time, h: Time, y: Tensor, f0: Tensor, clocks: Sequence[Tensor]) -> Step:
        """Take a step that autograd may record: no buffer may be written twice."""
        coefficients, last = self.coefficients, self.tableau.stages - 1
        slopes, state = [f0], y
        for i in range(1, last + 1):
            state = stage_sum(y, slopes, coefficients.row_terms[i], h)
            slopes.append(field(clocks[i - 1], state))
        if coefficients.first_same_as_last:
            return Step(coefficients, t, h, y, state, slopes, slopes[-1])
        return Step(coefficients, t, h, y, stage_sum(y, slopes, coefficients.weight_terms, h), slopes, None)

    def _accumulated(self, field: Field, t: Time, h: float, y: Tensor, f0: Tensor, clocks: Sequence[Tensor]) -> Step:
        """Take a step of which all sums are added to stage by stage."""
        if self._sums is None:
            self._sums = StageSums(self.tableau, y)
        sums, same = self._sums, self.coefficients.first_same_as_last
        slopes = [f0]
        sums.begin(f0)
        add = torch.add
        for clock, move, (rows, weights) in zip(clocks, sums.moves, sums.additions, strict=False):
            state = add(y, move, alpha=h)
            slope = field(clock, state)
            rows.addcmul_(weights, slope)
            slopes.append(slope)
        end = state if same else add(y, sums.moves[-1], alpha=h)
        return Step(self.coefficients, t, h, y, end, slopes, slopes[-1] if same else None, error=sums.error)

    def _at_once(self, field: Field, t: Time, h: float, y: Tensor, f0: Tensor, clocks: Sequence[Tensor]) -> Step:
        """Take a step of which all states are added to stage by stage; bit for bit the sums of :meth:`_listed`."""
        if self._states is None:
            self._states = StageStates(self.tableau, y)
        states = self._states
        first, additions = states.of_size(h)
        torch.addcmul(y, first, f0, out=states.all)
        slopes = [f0]
        for clock, state, (rows, weights) in zip(clocks, states.rows, additions, strict=False):
            slope = field(clock, state.clone())
            rows.addcmul_(weights, slope)
            slopes.append(slope)
        slopes.append(field(clocks[-1], states.rows[-2].clone()))
        end = torch.add(states.rows[-1], slopes[-1], alpha=states.last * h)
        return Step(self.coefficients, t, h, y, end, slopes, None)

    def _buffered(self, field: Field, t: Time, h: float, y: Tensor, f0: Tensor, clocks: Sequence[Tensor]) -> Step:
        """Take a step of a field of several parts in one ``[stages, *state]`` buffer: a fused call for each stage."""
        parted, read = cast(PartedField, field), cast(int, self._read)
        coefficients, last = self.coefficients, self.tableau.stages - 1
        buffer = self._buffer
        if buffer is None:
            buffer = self._buffer = StageBuffer(last + 1, f0, read, parted.shapes)
        rows, slopes = coefficients.rows, buffer.rows
        if f0 is not self._first:  # after a rejected step it is there already, and may be nowhere else
            slopes[0].copy_(f0)
            self._first = f0
        partial = y[:read]
        same = coefficients.first_same_as_last
        for i in range(1, last + 1):
            if i == last and same:
                state = end = torch.addmv(y, buffer.whole[i], rows[i], alpha=h)
            else:
                state = torch.addmv(partial, buffer.before[i], rows[i], alpha=h)
            parts = parted.parts(clocks[i - 1], state, quadratures=i not in coefficients.idle)
            torch._foreach_copy_(buffer.parts[i][: len(parts)], parts)
        if not same:
            end = torch.addmv(y, buffer.whole[last + 1], coefficients.weights, alpha=h)
        return Step(coefficients, t, h, y, end, buffer.stages, slopes[last].detach() if same else None)
