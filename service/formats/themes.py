"""Themes as JSON, which the command line and HTTP share, and as plain text for the command line."""

from __future__ import annotations  # keeps the imports below to type checking

from typing import TYPE_CHECKING

from search.papers.debris import clean_text
from search.papers.json import clean_object
from search.query.counts import format_count
from service.formats.render import SCHEMA_VERSION, sanitize_line

if TYPE_CHECKING:
    from search.papers.json import Json
    from search.themes.themes import Themes


def themes_json(themes: Themes) -> dict[str, Json]:
    """The output of ``papers themes --json`` and GET /v1/themes."""
    return clean_object({"schema_version": SCHEMA_VERSION, **themes.to_json()})


def themes_heading(themes: Themes) -> str:
    """Returns how many papers were grouped, of how many relevant ones."""
    relevant = format_count(
        themes.relevant, "relevant paper", estimated=themes.estimated, counted_over=themes.counted_over
    )
    if not len(themes):
        return f"no themes: too few relevant papers, {themes.relevant:,}"
    if themes.grouped == themes.relevant:
        return f"{len(themes)} themes of {relevant}"
    return f"{len(themes)} themes of the nearest {themes.grouped:,} of {relevant}"


def themes_text(themes: Themes) -> str:
    """Returns one paragraph per theme: its label, its number of papers and its typical papers."""
    width = max(len(theme.label) for theme in themes)
    paragraphs = []
    for theme in themes:
        label = sanitize_line(theme.label)
        lines = [f"{label:{width}}  {theme.papers:>5,}  {theme.share:4.0%}"]
        lines += [f"    {sanitize_line(clean_text(paper.title or paper.id))}" for paper in theme.typical]
        paragraphs.append("\n".join(lines))
    return "\n\n".join(paragraphs) + "\n"
