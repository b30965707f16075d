"""Figures of Poli et al. 2020."""
