"""Settings of the real time series."""

from __future__ import annotations

from dataclasses import dataclass

from suite.datasets.real_series import SERIES
from suite.declarations import Settings, setting

SECTION = "section 5.1 and appendix E"


@dataclass(frozen=True)
class TimeSeriesSettings(Settings):
    """Data, models and training on real series, which the paper does not try; the defaults are the paper profile."""

    series: tuple[str, ...] = setting(
        tuple(SERIES),
        ours="weekly CO2, whose missing weeks are real, and monthly and yearly series that are regular, as "
        "statsmodels ships them. Windows, splits and trends of each stand in suite/datasets/real_series.py",
    )
    held_out: float = setting(
        0.3, ours="share of the values in a context that are hidden and then asked for: gaps that are artificial"
    )
    latent: int = setting(4, source=f"{SECTION}: of the spirals")
    hidden: int = setting(20, source=f"{SECTION}: one hidden layer of 20 units in field and decoder, of the spirals")
    recognition_hidden: int = setting(25, source=f"{SECTION}: a recognition network of 25 units, of the spirals")
    recurrent_hidden: int = setting(25, ours="of the two recurrent baselines, as many as the paper gives its RNN")
    method: str = setting("dopri5", ours="the paper used the implicit Adams methods of LSODE and VODE")
    tolerance: float = setting(1.5e-8, source="section 6: 1.5e-8 for sequences; absolute and relative")
    iterations: int = setting(3_000, ours="at most; those with the best validation error are kept")
    batch_size: int = setting(32, ours="windows of an iteration")
    learning_rate: float = setting(0.01, ours="of Adam; it falls to nothing along a cosine")
    gradient_norm: float = setting(10.0, ours="gradients of a larger norm are scaled down to it")
    validate_every: int = setting(50, ours="iterations between two looks at the validation error")
    draws: int = setting(20, ours="of z0 from its posterior: a prediction of a latent model is their mixture")
    gp_points: int = setting(
        300,
        ours="last observations of the training part to which the hyperparameters of the Gaussian process are fitted",
    )
