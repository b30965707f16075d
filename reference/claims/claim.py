"""One claim: a sentence, the rule that decides it, and what has to be measured before it may."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from reference.statistics import Scope
from suite.declarations import DeviceClass, Profile

Origin = Literal["paper", "ours"]
Standing = Literal["", "withdrawn"]


@dataclass(frozen=True)
class Claim:
    """A claim about one artefact.

    Attributes:
        id: ``artefact/words``.
        artefact: Id of the experiment whose records decide it.
        statement: The claim in one sentence.
        published: Ids of the printed numbers it is about.
        judged_from: The lowest profile that may judge it.
        seeds: How many seeds it needs.
        margin: What the rule allows, where it has a margin.
        judge: Name of the judging function.
        arguments: Its arguments, the margin among them.
        scope: Which rows it is applied to, and into which cases they are split.
        status: ``withdrawn`` when its authors took it back; it is tested all the same.
        data: The data set that it is only true of; a stand-in does not test it.
        device: The class of device that it is only true of; records of another do not test it.
        origin: Whose claim it is: the paper's, or a control of ours.
        note: A caveat in one or two sentences.
    """

    id: str
    artefact: str
    statement: str
    published: tuple[str, ...]
    judged_from: Profile
    seeds: int
    margin: float | None
    judge: str
    arguments: Mapping[str, object]
    scope: Scope
    status: Standing = ""
    data: str = ""
    device: DeviceClass | Literal[""] = ""
    origin: Origin = "paper"
    note: str = ""

    @property
    def variants(self) -> tuple[str, ...]:
        """The variants it compares; a verdict needs the claim's seeds of every one of them."""
        named = [*self.scope.variants, self.arguments.get("variant"), self.arguments.get("baseline")]
        return tuple(dict.fromkeys(str(variant) for variant in named if variant))

    @property
    def metrics(self) -> tuple[str, ...]:
        """The metrics it is about."""
        named = (self.arguments.get(name) for name in ("metric", "baseline_metric"))
        return tuple(str(metric) for metric in named if metric)
