"""Theorem 1 of Chen et al. 2018 and its consequences: the instantaneous change of variables, its cost, its reversal."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import ClassVar, TypeVar

import torch
from torch import Tensor

from suite.datasets.rezende_mohamed import grid as square_grid
from suite.declarations import Cell, Experiment, Meter, Profile, Settings, setting
from suite.experiments.chen2018.flow_costs import measure_reversal, measure_widths
from suite.models.exact_divergence import HamiltonianField, PerceptronField, jacobian_trace
from suite.models.flows import ContinuousFlow, FlowField, PlanarField, gaussian_log_density, gaussian_samples

Field = TypeVar("Field", bound=FlowField)


@dataclass(frozen=True)
class Theorem1Settings(Settings):
    """Fields, tolerances, grids and widths; nothing of it is printed, as the paper proves and does not measure."""

    samples: int = setting(64, ours="points at which a density is followed")
    dimensions: int = setting(4, ours="more than the two of the figures, where a trace hides little")
    hidden: int = setting(16, ours="units of each hidden layer of the fields, and of the planar field")
    gain: float = setting(2.0, ours="factor on the usual initial weights: densities change by a nat and more")
    end_time: float = setting(1.0, ours="the flow's interval starts at 0")
    tolerances: tuple[float, ...] = setting(
        (1e-3, 1e-5, 1e-7, 1e-9, 1e-11), ours="relative and absolute, of dopri5 in float64"
    )
    mass_times: tuple[float, ...] = setting((0.25, 0.5, 0.75, 1.0), ours="times at which the mass is measured")
    mass_points: int = setting(256, ours="cells along each side of the grid that is summed over")
    mass_tolerance: float = setting(1e-8, ours="far below the 1 % that is asked of the mass")
    widths: tuple[int, ...] = setting(
        (2, 4, 8, 16, 32, 64, 128, 256, 512, 1024), ours="widths M; section 4 speaks of the growth with M alone"
    )
    batch_size: int = setting(512, ours="points of an evaluation; costs are for one of them")
    repeats: int = setting(7, ours="timed repeats; the fastest counts, as it is disturbed least")


class Theorem1(Experiment):
    """``d log p/dt = -tr(df/dz)`` against ``log |det|`` of the flow's Jacobian, by autograd through the solve.

    ``mlp`` is a field without structure, ``planar`` and ``hamiltonian`` are those of appendix A.1, ``mass`` is the
    conservation of appendix A.2 on a grid, ``width`` counts what an evaluation costs against the determinant of a wide
    layer, and ``reversal`` what the way back costs against the way there (both section 4).
    """

    id = "chen2018/theorem1"
    title = "Theorem 1: instantaneous change of variables, its cost and its reversal"
    variants = ("reversal", "width", "mass", "hamiltonian", "planar", "mlp")
    profiles: ClassVar[Mapping[Profile, Settings]] = {
        "smoke": Theorem1Settings(
            samples=4, hidden=6, tolerances=(1e-3, 1e-6), mass_times=(1.0,), mass_points=64, mass_tolerance=1e-5,
            widths=(2, 16, 32), batch_size=32, repeats=2,
        ),
        "quick": Theorem1Settings(
            samples=16, mass_points=128, mass_tolerance=1e-6, widths=(2, 4, 8, 16, 32, 64, 128, 256),
            repeats=2,
        ),
        "laptop": Theorem1Settings(),
        "paper": Theorem1Settings(),
    }  # fmt: skip
    headline = "log_density_error"
    alone = ("reversal", "width")
    paper_cost = "estimated, not measured: 2 minutes; it is as large on a laptop"

    def run(self, cell: Cell, meter: Meter) -> None:
        """Measure one consequence of the theorem on fields drawn from the seed."""
        settings = Theorem1Settings.of(cell.settings)
        if cell.variant == "width":
            measure_widths(
                lambda width: _drawn(lambda: PlanarField(width), settings, meter),
                settings.widths,
                settings.batch_size,
                settings.repeats,
                meter,
            )
        elif cell.variant == "reversal":
            field = _drawn(lambda: PlanarField(settings.hidden), settings, meter)
            z0 = _points(settings.samples, 2, meter)
            tolerances = sorted(settings.tolerances, reverse=True)
            measure_reversal(
                partial(_flow, field, settings), z0, gaussian_log_density(z0), tolerances, settings.repeats, meter
            )
        elif cell.variant == "mass":
            _mass(settings, meter)
        else:
            _change_of_variables(cell.variant, settings, meter)


def _drawn(make: Callable[[], Field], settings: Theorem1Settings, meter: Meter) -> Field:
    """Return a field in float64 on the device, its weights larger than they are drawn."""
    with meter.initialisation():
        field = make()
    with torch.no_grad():
        for parameter in field.parameters():
            parameter.mul_(settings.gain)
    return field.double().to(meter.device)


def _flow(field: FlowField, settings: Theorem1Settings, tolerance: float) -> ContinuousFlow:
    return ContinuousFlow(
        field, end_time=settings.end_time, method="dopri5", rtol=tolerance, atol=tolerance, gradient="direct"
    )


def _points(count: int, dimensions: int, meter: Meter) -> Tensor:
    generator = meter.generator("points")
    return gaussian_samples(count, dimensions, generator=generator, dtype=torch.float64).to(meter.device)


def _change_of_variables(variant: str, settings: Theorem1Settings, meter: Meter) -> None:
    """Compare the integrated trace with ``log |det dPhi/dz|`` at falling tolerances, and the trace with autograd's."""
    dimensions, hidden = settings.dimensions, settings.hidden
    makes: dict[str, Callable[[], FlowField]] = {
        "mlp": lambda: PerceptronField(dimensions, hidden),
        "planar": lambda: PlanarField(hidden, dimensions),
        "hamiltonian": lambda: HamiltonianField(dimensions, hidden),
    }
    field = _drawn(makes[variant], settings, meter)
    z0 = _points(settings.samples, dimensions, meter).requires_grad_()
    start = gaussian_log_density(z0.detach())
    for tolerance in sorted(settings.tolerances, reverse=True):
        flow = _flow(field, settings, tolerance)
        states, log_densities = flow.transport(z0, start, (0.0, settings.end_time))
        log_det = log_determinant(states[-1], z0)
        error = float((log_densities[-1].detach() - (start - log_det)).abs().max())
        meter.record("change_error", error, "nats", tolerance=tolerance)
        meter.record("nfe_forward", flow.nfe_forward, "evaluations", tolerance=tolerance)
    # Those of the tightest tolerance.
    meter.record("log_density_error", error, "nats")
    meter.record("log_density_change", float(log_det.abs().max()), "nats")
    determinants = log_det.exp()
    meter.record("determinant", float(determinants[(determinants - 1).abs().argmax()]), "1")
    _trace(field, states[-1].detach(), settings.end_time, meter)


def log_determinant(z1: Tensor, z0: Tensor) -> Tensor:
    """Return ``log |det dz1/dz0|``, shape ``[n]``, of points ``[n, d]`` that were mapped each by itself."""
    rows = [torch.autograd.grad(z1[:, i].sum(), z0, retain_graph=True)[0] for i in range(z0.shape[1])]
    logarithms: Tensor = torch.linalg.slogdet(torch.stack(rows, dim=1)).logabsdet
    return logarithms


@torch.no_grad()
def _trace(field: FlowField, z: Tensor, time: float, meter: Meter) -> None:
    """Record the field's trace where it is largest, and how far its own divergence is from it."""
    t = torch.tensor(time, dtype=z.dtype, device=z.device)
    divergence = field.velocity_and_divergence(t, z)[1]
    trace = jacobian_trace(lambda point: field(t, point), z)[1]
    meter.record("trace", float(trace[trace.abs().argmax()]), "1")
    meter.record("trace_error", float((divergence - trace).abs().max()), "1")


@torch.no_grad()
def _mass(settings: Theorem1Settings, meter: Meter) -> None:
    """Integrate the transported density on a grid, by tracing the grid back to the base density.

    A control leaves the trace out: a density that is only carried along, ``p0(z(0))``, does not keep its mass.
    """
    field = _drawn(lambda: PlanarField(settings.hidden), settings, meter)
    flow = _flow(field, settings, settings.mass_tolerance)
    z0 = _points(4096, 2, meter)
    start = gaussian_log_density(z0)
    # A square a quarter larger than where the samples are on their way.
    reach = float(flow.transport(z0, start, (0.0, *settings.mass_times))[0].abs().max())
    grid, area = square_grid(settings.mass_points, 1.25 * reach)
    grid = grid.to(meter.device)
    for time in settings.mass_times:
        origins, changes = flow.transport(grid, torch.zeros_like(grid[:, 0]), (time, 0.0))
        base = gaussian_log_density(origins[-1])
        meter.record("mass", float((base - changes[-1]).exp().sum()) * area, "1", t=time)
        untraced = float(base.exp().sum()) * area
        meter.record("untraced_mass_error", abs(untraced - 1), "1", t=time)
    with torch.enable_grad():
        few = z0[: settings.samples].clone().requires_grad_()
        states, changes = flow.transport(few, torch.zeros_like(few[:, 0]), (0.0, settings.end_time))
        error = (changes[-1].detach() + log_determinant(states[-1], few)).abs().max()
    meter.record("log_density_error", float(error), "nats")
