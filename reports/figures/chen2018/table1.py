"""Table 1 of Chen et al. 2018: test error, NFE, and what memory and time do as the network gets deeper."""

from __future__ import annotations

from functools import partial

from reports.figures.curves import curve
from reports.figures.drawing import Drawing, Evidence
from reports.figures.variants import by_variant

MEBIBYTE = 2**20
MILLISECOND = 1e-3


def draw(evidence: Evidence) -> dict[str, Drawing]:
    """Draw every figure of the table's page."""
    error = partial(by_variant, evidence, label="test error [%]", published="test_error")
    by_epoch = partial(curve, evidence, axis="epoch", x="epoch")
    by_depth = partial(curve, evidence, axis="depth", x="depth [residual blocks or forward NFE]")
    return {
        "test-error-last": error("Test error after the last epoch", "test_error_last"),
        "test-error-best": error("Test error of the best epoch", "test_error_best"),
        "training": by_epoch("Test error during training", "test_error", y="test error [%]"),
        "nfe-forward": by_epoch("NFE of the forward solve", "nfe_forward", y="evaluations per minibatch"),
        "nfe-backward": by_epoch("NFE of the backward pass", "nfe_backward", y="evaluations per minibatch"),
        "memory": by_depth(
            "Memory kept for the backward pass", "saved_bytes", y="saved tensors [MiB]", scale=1 / MEBIBYTE
        ),
        "time": by_depth("Time of one training step", "step_seconds", y="time of a step [ms]", scale=1 / MILLISECOND),
    }
