"""Integrate ordinary differential equations: tableaus as data, steppers, step-size control, dense output."""

from suite.solvers.errors import (
    InconsistentTableauError,
    IntegrationError,
    InvalidProblemError,
    NonFiniteError,
    SolverError,
    StepLimitError,
    StepUnderflowError,
    UnknownMethodError,
)
from suite.solvers.methods import METHODS, Method, register
from suite.solvers.odeint import odeint, odeint_dense
from suite.solvers.solution import Interpolant, Solution, Statistics
from suite.solvers.solve import solve
from suite.solvers.tableau import ButcherTableau
from suite.solvers.tableaus import alpha_family
from suite.solvers.vector_field import CountedField

__all__ = [
    "METHODS",
    "ButcherTableau",
    "CountedField",
    "InconsistentTableauError",
    "IntegrationError",
    "Interpolant",
    "InvalidProblemError",
    "Method",
    "NonFiniteError",
    "Solution",
    "SolverError",
    "Statistics",
    "StepLimitError",
    "StepUnderflowError",
    "UnknownMethodError",
    "alpha_family",
    "odeint",
    "odeint_dense",
    "register",
    "solve",
]
