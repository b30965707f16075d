"""Parameters that vary with depth: on a basis of functions (Galerkin), piece by piece (stacked), or by reading it."""

from suite.models.depth_varying.basis import Basis
from suite.models.depth_varying.depth_concatenation import DepthConcatenation
from suite.models.depth_varying.depth_field import DepthField
from suite.models.depth_varying.depth_layer import DepthLayer
from suite.models.depth_varying.fourier_basis import FourierBasis
from suite.models.depth_varying.galerkin_conv2d import GalerkinConv2d
from suite.models.depth_varying.galerkin_layer import GalerkinLayer
from suite.models.depth_varying.galerkin_linear import GalerkinLinear
from suite.models.depth_varying.polynomial_bases import ChebyshevBasis, MonomialBasis
from suite.models.depth_varying.released_fourier_basis import ReleasedFourierBasis
from suite.models.depth_varying.stacked_field import StackedField

__all__ = [
    "Basis",
    "ChebyshevBasis",
    "DepthConcatenation",
    "DepthField",
    "DepthLayer",
    "FourierBasis",
    "GalerkinConv2d",
    "GalerkinLayer",
    "GalerkinLinear",
    "MonomialBasis",
    "ReleasedFourierBasis",
    "StackedField",
]
