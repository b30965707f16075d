"""Figures of Massaroli et al. 2020."""
