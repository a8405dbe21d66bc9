"""One line of the comparison. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..stats import Summary, summarize
from .goals import Goal, Of, Verdict, ratios

#: The contenders, by the names that the table has.
EMBEDDED, TOXIPROXY, DIRECT = "embedded", "Toxiproxy", "direct"
_OTHERS = {Of.TOXIPROXY: TOXIPROXY, Of.DIRECT: DIRECT}


@dataclass(frozen=True)
class Row:
    """What was measured of each contender in each round, and what was wanted.

    Args:
        what: What was measured.
        unit: Of all the values.
        values: One for each round, by contender.
        goals: What the embedded engine's are to be.
        note: What the numbers don't say.
    """

    what: str
    unit: str
    values: Mapping[str, Sequence[float]]
    goals: tuple[Goal, ...] = ()
    note: str = ""

    def summary(self, contender: str) -> Summary | None:
        """Summarize what was measured of one; nothing if it wasn't there."""
        values = self.values.get(contender)
        return summarize(values) if values else None

    def ratio(self, contender: str) -> Summary | None:
        """Summarize the embedded engine's share of another's, round by round."""
        return ratios(self.values.get(EMBEDDED, ()), theirs) if (theirs := self.values.get(contender)) else None

    def judge(self, goal: Goal) -> Verdict:
        """Say whether a goal is met."""
        return goal.judge(self.summary(EMBEDDED) if goal.of is Of.ITSELF else self.ratio(_OTHERS[goal.of]))

    def verdicts(self) -> str:
        """Say of each goal whether it is met, in words."""
        return "; ".join(f"{goal}: {self.judge(goal).value}" for goal in self.goals)

    def document(self) -> dict[str, object]:
        """Give everything for JSON."""
        return {
            "what": self.what,
            "unit": self.unit,
            "values": {name: list(values) for name, values in self.values.items()},
            "goals": [{"goal": str(goal), "verdict": self.judge(goal).name.lower()} for goal in self.goals],
            "note": self.note,
        }
