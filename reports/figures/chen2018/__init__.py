"""Figures of Chen et al. 2018."""
