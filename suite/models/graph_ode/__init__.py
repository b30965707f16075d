"""Neural ODEs on graphs (Poli et al. 2019; Massaroli et al. 2020, appendix B.1)."""

from suite.models.graph_ode.graph_field import GraphField

__all__ = ["GraphField"]
