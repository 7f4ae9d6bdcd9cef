"""Why it is believed: hypotheses with what they cite, and what could not be read."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from incident_commander.api.statement import Citation, CitationKind, Forecast, Hypothesis
from incident_commander.cli.render.text import styled

MAX_CITATIONS = 6
"""For the first hypothesis; the others are shown without."""

MAX_VALUE = 600
"""Characters of a cited value: as many as are recorded."""


def evidence_view(hypotheses: Sequence[Hypothesis], gaps: Sequence[str]) -> RenderableType:
    """The first hypothesis with its citations, the others as one line each, then the gaps."""
    if not hypotheses:
        parts: list[RenderableType] = [Text("No cause was named yet.", style="dim")]
    else:
        parts = [_hypothesis(hypotheses[0], first=True)]
        parts += [_citation(cited) for cited in hypotheses[0].evidence[:MAX_CITATIONS]]
        parts += [_hypothesis(other, first=False) for other in hypotheses[1:]]
    parts += [Text.assemble(("not readable: ", "yellow"), styled(gap)) for gap in gaps]
    return Group(*parts)


def forecast_view(forecast: Forecast) -> RenderableType:
    """One or two lines."""
    if forecast.abstained:
        return Text.assemble(("Forecast: ", "bold"), styled(f"none. {forecast.message}"))
    return Text.assemble(("Forecast: ", "bold"), styled(forecast.message or f"{forecast.series}: {forecast.current}"))


def _hypothesis(hypothesis: Hypothesis, *, first: bool) -> Text:
    at = f" in {hypothesis.object}" if hypothesis.object is not None else ""
    return Text.assemble(
        (f"{hypothesis.confidence:3d} %  ", "bold" if first else "dim"),
        styled(hypothesis.cause, "bold" if first else ""),
        styled(at),
        styled(f": {hypothesis.summary}" if hypothesis.summary else ""),
    )


def _citation(cited: Citation) -> Padding:
    where = f"{cited.ref} {cited.path}".strip()
    if cited.kind is CitationKind.LOG:
        where = f"log of {cited.ref}{f', {cited.path}' if cited.path else ''}"
    elif cited.kind is CitationKind.METRIC:
        where = f"query {cited.ref}"
    text = Text.assemble(styled(where, "dim"), " = " if cited.value else "", styled(cited.value, "", MAX_VALUE))
    return Padding(text, (0, 0, 0, 7), expand=False)
