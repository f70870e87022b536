"""Explanation: how the hits of a page were found, and the time that it took."""

from dataclasses import dataclass
from typing import Literal

from search.papers.json import Json

Strategy = Literal["exact", "approximate", "none"]


@dataclass(frozen=True, slots=True)
class Stage:
    """One step of a search; steps may overlap in time.

    Attributes:
        name: the step.
        milliseconds: its wall-clock time.
    """

    name: str
    milliseconds: float


@dataclass(frozen=True, slots=True)
class Explanation:
    """How the hits were found.

    Attributes:
        strategy: of the semantic leg. ``exact``: every paper that matches the filter was scored. ``approximate``: 4-bit
            codes were scanned and the best papers scored. ``none``: the leg did not run.
        codes_scanned: codes scanned.
        papers_scored: papers scored with their full vectors.
        stages: in the order in which they ended.
    """

    strategy: Strategy
    codes_scanned: int
    papers_scored: int
    stages: tuple[Stage, ...]

    def to_json(self) -> dict[str, Json]:
        """Returns the explanation as a JSON object."""
        return {
            "strategy": self.strategy,
            "codes_scanned": self.codes_scanned,
            "papers_scored": self.papers_scored,
            "timings_ms": {stage.name: round(stage.milliseconds, 3) for stage in self.stages},
        }
