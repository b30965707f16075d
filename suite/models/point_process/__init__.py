"""Models of event times: an intensity on a latent ODE state, its likelihood in one solve, and a histogram."""

from suite.models.point_process.histogram_rate import HistogramRate
from suite.models.point_process.intensity_path import IntensityPath
from suite.models.point_process.latent_intensity import LatentIntensity

__all__ = ["HistogramRate", "IntensityPath", "LatentIntensity"]
