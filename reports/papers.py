"""The papers that artefact ids name by their first half, as the pages cite them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Paper:
    """A paper, or another group of experiments.

    Attributes:
        id: First half of the ids of its artefacts.
        short: Its name in a heading.
        citation: Authors, title and place, or what the group is.
    """

    id: str
    short: str
    citation: str


PAPERS = (
    Paper(
        "chen2018",
        "Chen et al. 2018",
        "R. T. Q. Chen, Y. Rubanova, J. Bettencourt, D. Duvenaud: "
        "Neural Ordinary Differential Equations. NeurIPS 2018.",
    ),
    Paper(
        "massaroli2020",
        "Massaroli et al. 2020",
        "S. Massaroli, M. Poli, J. Park, A. Yamashita, H. Asama: Dissecting Neural ODEs. NeurIPS 2020.",
    ),
    Paper(
        "poli2020",
        "Poli et al. 2020",
        "M. Poli, S. Massaroli, A. Yamashita, H. Asama, J. Park: "
        "Hypersolvers: Toward Fast Continuous-Depth Models. NeurIPS 2020.",
    ),
    Paper("crosscheck", "Cross-checks", "The suite's own solvers and gradients beside those of other libraries."),
)


def paper_of(artefact: str) -> Paper:
    """Return the paper of an artefact; an unknown one, such as a third party's, is named by its id alone."""
    prefix = artefact.partition("/")[0]
    known = {paper.id: paper for paper in PAPERS}
    return known.get(prefix, Paper(prefix, prefix, "Experiments registered by a third party."))


def order(artefact: str) -> tuple[int, str]:
    """Return the place of an artefact on a page: papers as listed here, then others, each by id."""
    ids = [paper.id for paper in PAPERS]
    prefix = artefact.partition("/")[0]
    return (ids.index(prefix) if prefix in ids else len(ids), artefact)
