"""Numbers of things in words."""

from __future__ import annotations


def counted(count: int, noun: str) -> str:
    """Return ``1 cell`` or ``3 cells``."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
