"""Templates, and what every page shows."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

INTRODUCTION = (
    "depthmark re-implements the experiments of three papers on continuous-depth deep learning, measures them, and "
    "checks its solvers and gradients against other libraries. Of each published claim this site says whether it was "
    "reproduced, partly reproduced, not reproduced or not tested, with the numbers side by side and the raw records."
)


class Pages:
    """Writes pages from templates."""

    def __init__(self) -> None:
        self._environment = Environment(
            loader=PackageLoader("reports"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
        )
        self._environment.filters["code_words"] = code_words

    def write(self, path: Path, template: str, **context: Any) -> None:
        """Render a template into a file."""
        path.parent.mkdir(parents=True, exist_ok=True)
        text = self._environment.get_template(template).render(introduction=INTRODUCTION, **context)
        path.write_text(text, encoding="utf-8")


def code_words(docstring: str) -> Markup:
    """Return text of a docstring as HTML, ``names`` between double backticks as code."""
    return Markup(re.sub("``(.+?)``", r"<code>\1</code>", str(escape(docstring))))
