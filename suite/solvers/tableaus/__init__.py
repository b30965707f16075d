"""Coefficients of the Runge-Kutta methods, one file per family, each with its true source."""

from suite.solvers.tableaus.bogacki_shampine import bosh3
from suite.solvers.tableaus.dormand_prince import dopri5, dopri8
from suite.solvers.tableaus.embedded_second_order import adaptive_heun, fehlberg2
from suite.solvers.tableaus.fourth_order import rk4, rk4_classic
from suite.solvers.tableaus.implicit_diagonal import sdirk2, trapezoid, trbdf2
from suite.solvers.tableaus.implicit_gauss import gl4, gl6, implicit_midpoint
from suite.solvers.tableaus.implicit_radau import implicit_euler, radau_iia3, radau_iia5
from suite.solvers.tableaus.low_order import alpha_family, euler, heun2, heun3, midpoint, ralston
from suite.solvers.tableaus.tsitouras import tsit5

__all__ = [
    "adaptive_heun",
    "alpha_family",
    "bosh3",
    "dopri5",
    "dopri8",
    "euler",
    "fehlberg2",
    "gl4",
    "gl6",
    "heun2",
    "heun3",
    "implicit_euler",
    "implicit_midpoint",
    "midpoint",
    "radau_iia3",
    "radau_iia5",
    "ralston",
    "rk4",
    "rk4_classic",
    "sdirk2",
    "trapezoid",
    "trbdf2",
    "tsit5",
]
