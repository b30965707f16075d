"""What airspeed-velocity measures of the papers' experiments: each that is registered, with nothing more to write."""

from __future__ import annotations

from pathlib import Path

from suite.declarations import DeviceClass

from . import cases, paper_cells, units


class Experiments:
    """One cell of each experiment, run once for all three numbers."""

    params = (paper_cells.identifiers(), cases.DEVICES)
    param_names = ("experiment", "device")
    version = "1"
    timeout = 900

    def setup_cache(self) -> str:
        """Return the folder that the three benchmarks share, where a cell's outcome is kept once it has run."""
        return str(Path.cwd())

    def setup(self, folder: str, experiment: str, device: DeviceClass) -> None:
        """Run the cell, unless its outcome is in the folder."""
        self.outcome = paper_cells.measure(experiment, device, Path(folder))

    @units.measured_in("seconds")
    def track_seconds(self, *_: object) -> float:
        """Return the wall time of the cell."""
        return self.outcome.seconds

    @units.measured_in("bytes")
    def track_peak_memory(self, *_: object) -> float:
        """Return the peak memory of the process on a CPU, what the allocator took of the device on CUDA."""
        return self.outcome.peak_memory

    @units.measured_in("headline metric")
    def track_headline(self, *_: object) -> float:
        """Return the experiment's headline metric."""
        return self.outcome.headline
