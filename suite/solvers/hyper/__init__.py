"""Hypersolvers: fixed-step Runge-Kutta methods with a learned correction of their local error (Poli et al. 2020)."""

from suite.solvers.hyper.correction import NetworkCorrection
from suite.solvers.hyper.inputs import Correction, InputForm, StepInputs
from suite.solvers.hyper.method import Hypersolver
from suite.solvers.hyper.storage import load_correction, save_correction

__all__ = [
    "Correction",
    "Hypersolver",
    "InputForm",
    "NetworkCorrection",
    "StepInputs",
    "load_correction",
    "save_correction",
]
