"""A Gaussian process on windows of a series, with hyperparameters of the largest marginal likelihood."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import torch

from suite.datasets.series_windows import SplitSeries, Windows
from suite.experiments.chen2018.time_series_predictions import Prediction

PERIOD_BOUNDS = (0.8, 1.25)
"""The period may be fitted within these limits, in periods of the series."""


def fitted_kernel(data: SplitSeries, points: int) -> Any:
    """Return the kernel fitted to the last observations of the training part.

    A smooth part, a periodic part whose shape changes slowly, and white noise; times are in periods of the series.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import RBF, ConstantKernel, ExpSineSquared, WhiteKernel

    smooth = ConstantKernel(0.5, (1e-3, 1e2)) * RBF(1.0, (5e-2, 1e2))
    periodic = (
        ConstantKernel(0.5, (1e-3, 1e2))
        * ExpSineSquared(1.0, 1.0, length_scale_bounds=(0.1, 10.0), periodicity_bounds=PERIOD_BOUNDS)
        * RBF(5.0, (0.5, 1e2))
    )
    known = torch.nonzero(~data.standardised.isnan()).flatten()[-points:]
    times = (known.double() / data.series.period).unsqueeze(-1).numpy()
    values = data.standardised[known].numpy()
    process = GaussianProcessRegressor(smooth + periodic + WhiteKernel(0.05, (1e-5, 1e1)))
    with warnings.catch_warnings():
        # A hyperparameter at its bound, or an optimum found to less than the asked precision, is still a fit.
        warnings.simplefilter("ignore", ConvergenceWarning)
        process.fit(times, values - values.mean())
    return process.kernel_


def gaussian_process(kernel: Any, windows: Windows) -> Prediction:
    """Return the predictive means and deviations (noise included) given what may be read of each window."""
    from sklearn.gaussian_process import GaussianProcessRegressor

    times = windows.times.unsqueeze(-1).numpy()
    means, deviations = [], []
    for values, readable in zip(windows.values.cpu().numpy(), windows.readable.cpu().numpy(), strict=True):
        process = GaussianProcessRegressor(kernel, optimizer=None).fit(times[readable], values[readable])
        mean, deviation = process.predict(times, return_std=True)
        means.append(mean)
        deviations.append(deviation)
    mean, std = (torch.from_numpy(np.stack(each)).to(windows.values.device) for each in (means, deviations))
    return Prediction(mean, mean.unsqueeze(0), std.unsqueeze(0))
