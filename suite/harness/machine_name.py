"""Short names of machines, for the folders below ``reports/records/``: ``NVIDIA H100 80GB HBM3`` is ``h100``."""

from __future__ import annotations

import re

_WORD = re.compile(r"[a-z0-9]+")
_BESIDE_THE_MODEL = re.compile(
    r"nvidia|amd|intel|tesla|geforce|quadro|corporation|r|tm|c|cpu|gpu|processor|graphics|laptop|core|with|"
    r"sxm\d*|pcie?|nvl|\d+gb?|hbm\d*e?|\d*ghz|mig"
)
"""Words that say who made a device, what it is or how it is built in, but not which it is."""


def machine_name(device_name: str, *, cuda: bool) -> str:
    """Return the name of a machine by that of its device: lower-case words with hyphens, of a CPU after ``cpu``."""
    words = _WORD.findall(device_name.lower().partition("@")[0])
    model = [word for word in words if not _BESIDE_THE_MODEL.fullmatch(word)] or words
    return "-".join([*([] if cuda else ["cpu"]), *model]) or "unnamed"
