"""Models of series with gaps that are no latent-variable models: a GRU that is told the gaps."""

from suite.models.series.gap_gru import GapGRU

__all__ = ["GapGRU"]
