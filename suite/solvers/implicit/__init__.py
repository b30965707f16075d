"""Implicit Runge-Kutta methods on a fixed grid: tableaus, the solution of their stages, and its derivatives."""
