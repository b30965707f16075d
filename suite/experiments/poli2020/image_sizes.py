"""Parameters and multiply-accumulates of a field and a correction on images."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from suite.declarations import Meter
from suite.experiments.poli2020.image_correction import new_correction
from suite.experiments.poli2020.image_settings import ImageSettings
from suite.experiments.poli2020.image_training import new_classifier
from suite.models import ODEBlock, parameter_count
from suite.solvers.hyper import Correction, StepInputs


@dataclass(frozen=True)
class Operations:
    """Multiply-accumulates of one evaluation for one image."""

    field: float
    correction: float

    @property
    def overhead(self) -> float:
        """Those of the correction in evaluations of the field."""
        return self.correction / self.field


@torch.no_grad()
def operations_of(field: nn.Module, correction: Correction | None, state: Tensor, meter: Meter) -> Operations:
    """Count the multiply-accumulates at a state ``[1, channels, h, w]``; a correction of one stage, or none."""
    with meter.macs() as of_field:
        slope = field(torch.zeros(()), state)
    if correction is None:
        return Operations(of_field.value, 0.0)
    with meter.macs() as of_correction:
        correction(StepInputs(0.1, 0.0, state, [slope], state))
    return Operations(of_field.value, of_correction.value)


def record_sizes(settings: ImageSettings, pixels: int, meter: Meter, suffix: str = "") -> None:
    """Record parameters and operations of untrained networks.

    Args:
        settings: Their sizes.
        pixels: Rows and columns of the images as the data set has them.
        meter: Where to record.
        suffix: At the end of the names of the metrics.
    """
    model, correction = new_classifier(settings), new_correction(settings)
    if not isinstance(model.body, ODEBlock):
        raise TypeError("the classifier has a Neural ODE")
    field = model.body.counted.vector_field
    if not isinstance(field, nn.Module):
        raise TypeError("the field is a module")
    side = pixels // settings.pooling
    found = operations_of(field, correction, torch.zeros(1, settings.channels, side, side), meter)
    parameters: Iterable[tuple[str, nn.Module]] = (("", model), ("field_", field), ("correction_", correction))
    for name, module in parameters:
        meter.record(f"{name}parameters{suffix}", parameter_count(module), "1")
    meter.record(f"field_operations{suffix}", found.field / 1e6, "MMAC")
    meter.record(f"correction_operations{suffix}", found.correction / 1e6, "MMAC")
    meter.record(f"overhead{suffix}", 1 + found.overhead, "1")
