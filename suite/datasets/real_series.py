"""Real time series that ship inside statsmodels: one with weeks that are really missing, two that are regular."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from suite.datasets.data_files import DamagedFileError

Values = npt.NDArray[np.float64]
_MISSING = -1.0  # stands for a missing value in the digest, as not-a-number has many bit patterns


@dataclass(frozen=True)
class RealSeries:
    """One series on a regular grid of times, of which some values may be missing.

    Attributes:
        name: Its name, as the axis ``series`` of a record has it.
        read: Reads the values from statsmodels, shape ``[n]``; not-a-number where one is missing.
        sha256: SHA-256 of the values as little-endian double precision, -1 where one is missing.
        unit: Unit of the values.
        step: What lies between two times of the grid.
        period: Length of its cycle in steps.
        trend: Degree of the polynomial that the series is measured from; fitted to the training part alone.
        context: Steps of a window that a forecast may look at.
        horizon: Steps that are forecast.
        stride: Steps between the starts of two windows.
        train: Share of the series, from its start, that is trained on.
        validation: Share after that, on which choices are made; the rest is tested on.
    """

    name: str
    read: Callable[[], Values]
    sha256: str
    unit: str
    step: str
    period: float
    trend: int
    context: int
    horizon: int
    stride: int
    train: float
    validation: float

    def values(self) -> Tensor:
        """Read the series; shape ``[n]``, double precision, not-a-number where a value is missing.

        Raises:
            DamagedFileError: When the values are not those of this digest.
        """
        found = np.asarray(self.read(), dtype="<f8")
        digest = hashlib.sha256(np.where(np.isnan(found), _MISSING, found).tobytes()).hexdigest()
        if digest != self.sha256:
            raise DamagedFileError(f"the series {self.name!r} of statsmodels has digest {digest}, not {self.sha256}")
        return torch.from_numpy(found.astype(np.float64))

    @property
    def length(self) -> int:
        """Steps of a window."""
        return self.context + self.horizon


def _co2() -> Values:
    from statsmodels.datasets import co2

    return np.asarray(co2.load_pandas().data["co2"], dtype=np.float64)


def _elnino() -> Values:
    from statsmodels.datasets import elnino

    return np.asarray(elnino.load_pandas().data.iloc[:, 1:], dtype=np.float64).ravel()


def _sunspots() -> Values:
    from statsmodels.datasets import sunspots

    return np.asarray(sunspots.load_pandas().data["SUNACTIVITY"], dtype=np.float64)


SERIES: Mapping[str, RealSeries] = {
    series.name: series
    for series in (
        # Weekly CO2 at Mauna Loa, March 1958 to December 2001 (Keeling and Whorf, 2004). All but five of its 59 missing
        # weeks are before 1977: it is split so that those five are tested on.
        RealSeries(
            "co2", _co2, "098ed96d54a1119681ff633b87169c5179c6751f009ed27569670c902f63d2b2", "ppm", "week",
            period=365.25 / 7, trend=2, context=104, horizon=52, stride=4, train=0.45, validation=0.14,
        ),
        # Monthly temperature of the sea surface off Peru, 1950 to 2010 (NOAA); no month is missing.
        RealSeries(
            "elnino", _elnino, "04cd82503f2284f490eb92e9bf30bfd475d3c12210aca925dc0978f62ce50780", "degrees C", "month",
            period=12.0, trend=0, context=36, horizon=12, stride=2, train=0.6, validation=0.2,
        ),
        # Yearly number of sunspots, 1700 to 2008 (NOAA); no year is missing. Its cycle is 11 years only on average.
        RealSeries(
            "sunspots", _sunspots, "66c86ecdcd5950f61f6243f924fdfa10a44596e94816291062fdda266a31c86d", "1", "year",
            period=11.0, trend=0, context=33, horizon=11, stride=1, train=0.6, validation=0.2,
        ),
    )
}  # fmt: skip
"""The series by name; ``co2`` is the only one of statsmodels' single long series with values really missing."""
