"""Parameters as a function of depth, ``theta(s)``, kept apart from the field that reads them."""

from suite.models.parameter_paths.explicit_network import ExplicitNetwork
from suite.models.parameter_paths.parameter_path import BumpedPath, ParameterPath, SpectralPath
from suite.models.parameter_paths.path_field import PathField

__all__ = ["BumpedPath", "ExplicitNetwork", "ParameterPath", "PathField", "SpectralPath"]
