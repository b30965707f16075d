"""Memory of a training step against its number of steps: every way to differentiate, and residual networks."""

from __future__ import annotations

import copy
import gc
import tracemalloc
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from reference.crosschecks.ways import REVERSIBLE_METHODS, WAYS, way
from suite.declarations import Axis, Cell, Experiment, Meter, Profile, Settings, Varying, setting
from suite.harness.meters.live_tensors import live_tensors
from suite.models import ConvolutionalField, residual_body
from suite.solvers import CountedField

RESNET = "resnet"
MOST_KEPT_STEPS = 1000
"""Most steps of a way to differentiate that keeps something of each: more do not fit into a device."""
KEEPS_NOTHING = ("adjoint", "seminorm", "quadrature", "segments", "reversible")
"""Ways to differentiate that keep nothing of a step, and take any number of them."""

Forward = Callable[[Tensor], Tensor]
"""From the state at the start to the one at the end."""
ForwardOf = Callable[[nn.Module], Forward]
"""From a vector field or a network to its forward pass."""


@dataclass(frozen=True)
class MemorySettings(Settings):
    """Sizes of the state and of the two sweeps."""

    steps: tuple[int, ...] = setting(
        (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1000), ours="steps of a fixed size, and residual blocks"
    )
    tolerances: tuple[float, ...] = setting(
        (1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6), ours="absolute and relative, the same forwards and backwards"
    )
    method: str = setting("rk4", ours="method of fixed steps; a reversible gradient takes the reversible methods")
    adaptive_method: str = setting("dopri5", ours="adaptive method")
    channels: int = setting(8, ours="of the state; that the bytes grow or do not is the same at every size")
    pixels: int = setting(6, ours="height and width of the state, as behind the stem of Chen et al. 2018")
    images: int = setting(1, ours="states at once")
    duration: float = setting(4.0, ours="time of the adaptive solve, long enough for dozens of steps")


class Memory(Experiment):
    """Bytes that a forward pass leaves for the backward pass, and the most that live during both.

    ``saved_bytes`` is what autograd saves, without parameters. ``kept_bytes`` is every tensor made in the forward pass
    that lives at its end, the output included, whoever holds it: nothing can hide in an attribute. ``peak_bytes`` is
    the most that lives at once during both passes, gradients included. On a GPU ``device_peak_bytes`` is the most that
    its allocator gave out above the level at entry, in the same two passes with nothing else watching them. All are
    those of a first solve, which takes its steps one by one and replays no graph. ``python_bytes`` are those that the
    forward pass leaves in Python's own objects, such as the times of steps. The vector field is that of an ODE-Net;
    ``resnet`` has as many residual blocks as the others steps. Beyond 1000 steps go only the ways that keep nothing of
    a step.
    """

    id = "crosscheck/memory"
    title = "Memory against steps and tolerance: every way to differentiate, and residual networks"
    variants = (RESNET, *WAYS)
    profiles: ClassVar[Mapping[Profile, Settings]] = {
        "smoke": MemorySettings(steps=(1, 2, 4, 8), tolerances=(1e-1, 1e-2, 1e-3), channels=2, pixels=4, duration=1.0),
        "quick": MemorySettings(steps=(1, 2, 4, 8, 16, 32, 64), tolerances=(1e-1, 1e-2, 1e-3), duration=2.0),
        "laptop": MemorySettings(tolerances=(1e-1, 1e-2, 1e-3, 1e-4, 1e-5)),
        "paper": MemorySettings(
            steps=(1, 2, 4, 8, 10, 16, 32, 64, 100, 128, 256, 512, 1000, 10_000), channels=64, images=128
        ),
    }
    # Bytes do not vary from run to run.
    seeds: ClassVar[Mapping[Profile, int]] = {"smoke": 1, "quick": 1, "laptop": 1, "paper": 1}
    headline = "kept_bytes"
    varying = Varying(metrics=("python_bytes",))
    alone = variants
    paper_cost = "estimated, not measured: 16 minutes; direct gradients through 1000 steps need 60 GB"

    def run(self, cell: Cell, meter: Meter) -> None:
        """Measure one way to differentiate against steps and against tolerance."""
        settings = MemorySettings.of(cell.settings)
        gc.collect()
        gc.freeze()  # so that a collection goes through what a measurement left behind, and not through every module
        try:
            self._sweep(cell.variant, settings, meter)
        finally:
            gc.unfreeze()

    def _sweep(self, variant: str, settings: MemorySettings, meter: Meter) -> None:
        shape = (settings.images, settings.channels, settings.pixels, settings.pixels)
        y0 = torch.randn(shape, generator=meter.generator("states")).to(meter.device)
        if variant == RESNET:
            for steps in steps_of(variant, settings):
                network = residual_body(settings.channels, steps).to(meter.device)
                _measure(lambda body: body, network, y0, meter, method=RESNET, steps=steps)
            return
        field = CountedField(_field(settings.channels, meter.generator("field")).to(meter.device))
        library, gradient = way(variant)

        def solve(method: str, end: float, tolerance: float, step_size: float | None) -> ForwardOf:
            times = torch.tensor([0.0, end], device=meter.device)
            arguments: dict[str, Any] = {"method": method, "rtol": tolerance, "atol": tolerance, "step_size": step_size}

            def forward_of(owner: nn.Module) -> Forward:
                return lambda y: library.odeint(owner, y, times, gradient=gradient, **arguments)[-1]

            return forward_of

        reversible = gradient == "reversible"
        for method in REVERSIBLE_METHODS if reversible else (settings.method,):
            _backpropagate(solve(method, 1.0, 1e-3, 1.0), field, y0)  # fills every cache
            for steps in steps_of(variant, settings):
                _measure(solve(method, 1.0, 1e-3, 1 / steps), field, y0, meter, method=method, steps=steps)
        if reversible:
            return
        method = settings.adaptive_method
        _backpropagate(solve(method, settings.duration, max(settings.tolerances), None), field, y0)
        for tolerance in settings.tolerances:
            run = solve(method, settings.duration, tolerance, None)
            _measure(run, field, y0, meter, method=method, tolerance=tolerance)


def steps_of(variant: str, settings: MemorySettings) -> tuple[int, ...]:
    """Return the steps that a variant is measured at: all, or those whose states fit into a device."""
    _, gradient = way(variant)
    return tuple(steps for steps in settings.steps if steps <= MOST_KEPT_STEPS or gradient in KEEPS_NOTHING)


def _field(channels: int, generator: torch.Generator) -> nn.Module:
    """Return the field of an ODE-Net with weights that are the same for every variant."""
    field = ConvolutionalField(channels)
    for parameter in field.parameters():
        if parameter.ndim > 1:
            bound = parameter[0].numel() ** -0.5
            parameter.data = bound * (2 * torch.rand(parameter.shape, generator=generator) - 1)
    return field


def _backpropagate(forward_of: ForwardOf, owner: nn.Module, y0: Tensor) -> None:
    start = y0.clone().requires_grad_(True)
    torch.autograd.grad(forward_of(owner)(start).square().mean(), (start, *owner.parameters()))


def _unseen(owner: nn.Module, device: torch.device) -> nn.Module:
    """Return on a GPU a copy that no solve has seen: one that has been may be a graph, whose bytes are hidden."""
    return owner if device.type == "cpu" else copy.deepcopy(owner)


def _python_bytes(forward: Forward, start: Tensor) -> int:
    """Return the bytes of Python's allocator that live after a forward pass and did not before."""
    gc.collect()
    tracemalloc.start()
    try:
        loss = forward(start).square().mean()
        gc.collect()
        kept, _ = tracemalloc.get_traced_memory()
        del loss
    finally:
        tracemalloc.stop()
    return kept


def _measure(forward_of: ForwardOf, owner: nn.Module, y0: Tensor, meter: Meter, **axes: Axis) -> None:
    """Record the bytes of one forward and backward pass, by the start and by the parameters of ``owner``."""
    start = y0.clone().requires_grad_(True)
    owner = _unseen(owner, meter.device)
    forward = forward_of(owner)
    inputs = (start, *owner.parameters())
    gc.collect()
    field = owner if isinstance(owner, CountedField) else None
    if field is not None:
        field.reset()
    with live_tensors() as live:
        with meter.saved_bytes() as saved:
            loss = forward(start).square().mean()
        gc.collect()
        kept = live.bytes
        evaluations = 0 if field is None else field.nfe
        gradients = torch.autograd.grad(loss, inputs)
        del loss, gradients
    meter.record("saved_bytes", saved.value, "B", **axes)
    meter.record("peak_bytes", live.peak, "B", **axes)
    if field is not None:
        meter.record("nfe_forward", evaluations, "evaluations", **axes)
        meter.record("nfe_backward", field.nfe - evaluations, "evaluations", **axes)
    again = forward_of(_unseen(owner, meter.device))
    meter.record("python_bytes", _python_bytes(again, start), "B", **axes)
    meter.record("kept_bytes", kept, "B", **axes)
    if meter.device.type == "cuda":
        owner = _unseen(owner, meter.device)
        with meter.peak_memory() as device_peak:
            _backpropagate(forward_of, owner, y0)
        meter.record("device_peak_bytes", device_peak.value, "B", **axes)
