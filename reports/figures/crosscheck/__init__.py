"""Figures of the cross-checks against other libraries."""
