"""How hypersolvers are made: nominal trajectories, residuals, corrections, and their fitting (Poli et al. 2020)."""

from suite.models.hypersolvers.direct_map import DirectMap, perceptron_map
from suite.models.hypersolvers.end_fitting import fit_ends
from suite.models.hypersolvers.fitted_steps import FittedSteps
from suite.models.hypersolvers.fitting import FittingPlan, fit
from suite.models.hypersolvers.fitting_steps import FittingSteps, uninterrupted
from suite.models.hypersolvers.losses import residual_loss, residual_norms, trajectory_loss
from suite.models.hypersolvers.oracle import DisturbedOracle, OracleCorrection, unit_field
from suite.models.hypersolvers.perceptron_correction import PerceptronCorrection
from suite.models.hypersolvers.residuals import ResidualSamples, residual_samples
from suite.models.hypersolvers.taylor import TaylorCorrection
from suite.models.hypersolvers.trajectories import NominalTrajectories, TrajectoryCache, nominal_trajectories

__all__ = [
    "DirectMap",
    "DisturbedOracle",
    "FittedSteps",
    "FittingPlan",
    "FittingSteps",
    "NominalTrajectories",
    "OracleCorrection",
    "PerceptronCorrection",
    "ResidualSamples",
    "TaylorCorrection",
    "TrajectoryCache",
    "fit",
    "fit_ends",
    "nominal_trajectories",
    "perceptron_map",
    "residual_loss",
    "residual_norms",
    "residual_samples",
    "trajectory_loss",
    "uninterrupted",
    "unit_field",
]
