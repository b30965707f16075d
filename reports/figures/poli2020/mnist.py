"""Section 4.1 of Poli et al. 2020 on MNIST."""

from __future__ import annotations

from reports.figures.poli2020.image_curves import draw

__all__ = ["draw"]
