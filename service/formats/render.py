"""Render: pages and papers as JSON and as plain text. The command line and HTTP share the JSON."""

from __future__ import annotations  # what is only named here is not imported

import json
import unicodedata
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # a page is shown by what made it; the state of an index is shown without all that
    from search.index.layout import Manifest
    from search.papers.paper import Json, Paper
    from search.query.page import AuthorMatch, Facets, Hit, LegMatch, Page, Suggestions

SCHEMA_VERSION = 1
_MAX_SHOWN_VARIANTS = 6
_MAX_SHOWN_COUNTS = 8
_MAX_SHOWN_AUTHORS = 6
_MAX_SHOWN_WORDS = 45


def paper_json(paper: Paper) -> dict[str, Json]:
    """A paper as one flat object; what it lacks is null or empty."""
    return paper.to_dict()


def page_json(page: Page) -> dict[str, Json]:
    """A page: its hits with what matched, how many papers there are, and whether the answer is exact."""
    return {"schema_version": SCHEMA_VERSION, **page.to_json()}


def hit_json(hit: Hit) -> dict[str, Json]:
    """A paper on a page: its fields, its score and why it is there."""
    return hit.to_json()


def authors_json(match: AuthorMatch) -> dict[str, Json]:
    """What ``papers authors --json`` gives."""
    return {"schema_version": SCHEMA_VERSION, **match.to_json()}


def suggestions_json(found: Suggestions) -> dict[str, Json]:
    """What GET /v1/suggest gives."""
    return {"schema_version": SCHEMA_VERSION, **found.to_json()}


def dump_json(fields: object) -> str:
    """A JSON object as it is printed."""
    return json.dumps(fields, ensure_ascii=False, indent=2)


def paper_document_json(paper: Paper) -> dict[str, Json]:
    """What ``papers show --json`` and GET /v1/papers/{id} give."""
    return {"schema_version": SCHEMA_VERSION, **paper_json(paper)}


def status_json(manifest: Manifest, size: int) -> dict[str, Json]:
    """What ``papers status --json`` gives; ``bytes`` is all that lies in the index."""
    return {
        "schema_version": SCHEMA_VERSION,
        "papers": manifest.live,
        "generation": manifest.generation,
        "model": manifest.model.to_json(),
        "size_bytes": size,
    }


def paper_url(paper: Paper) -> str | None:
    """Where the paper is read: what a source said, else what its id says."""
    return paper.link


def sanitize_line(text: str) -> str:
    """The text without characters that would steer a terminal."""
    if text.isprintable():
        return text
    return "".join(character for character in text if unicodedata.category(character) not in ("Cc", "Cf", "Cs"))


def page_text(page: Page) -> str:
    """A page for a pipe: what was understood, a line that counts, then an entry a hit, then the facets."""
    entries = [
        f"{rank}. {_paper_entry(hit.paper)}\n   {match_reason(hit)}{_best_sentence_line(hit)}"
        for rank, hit in enumerate(page.hits, 1)
    ]
    return sanitize_lines("\n\n".join([page_heading(page), *entries, *page_footer(page)])) + "\n"


def page_heading(page: Page) -> str:
    """What was understood, how many papers there are, and whether they are an answer."""
    papers = "1 paper passes" if page.total == 1 else f"{page.total:,} papers pass"
    counted = f"{papers}, {len(page.hits):,} shown" + (
        "" if page.exact else f"; expected recall {page.expected_recall:.3f}"
    )
    lines = [
        page.interpretation,
        counted,
        *(_variants_line(match) for match in page.authors if len(match.variants) > 1),
    ]
    if not page.has_close_match:
        lines.append("nothing here is close; nearest:")
    return "\n".join(line for line in lines if line)


def page_footer(page: Page) -> list[str]:
    """The facets, where they were asked for, and how to go on."""
    lines = [_facets_text(page.facets)] if page.facets else []
    return [*lines, f"more: --cursor {page.cursor}"] if page.cursor else lines


def page_notes(page: Page) -> Iterator[str]:
    """What whoever asked should know besides: a misspelt word, a name that nobody has, no paper at all."""
    if page.correction:
        yield f"did you mean: {page.correction}"
    for match in page.authors:
        if not match.variants and not match.more_variants:
            meant = f"; did you mean {' or '.join(match.suggestions)}?" if match.suggestions else ""
            yield f"no author here matches {match.name!r}{meant}"
    if not page.total:
        yield "no paper passes the filters; leave one out, or use other words"


def authors_text(match: AuthorMatch) -> str:
    """The variants of a name, a line each."""
    return sanitize_lines("".join(f"{count.papers:>8,}  {count.value}\n" for count in match.variants))


def explanation_text(page: Page) -> str:
    """The road taken, what was looked at, and the times, in two lines."""
    how = page.explanation
    roads = {
        "exact": f"scored all {how.papers_scored:,} passing papers exactly",
        "approximate": f"scanned {how.codes_scanned:,} codes, scored {how.papers_scored:,} papers exactly, "
        f"expected recall {page.expected_recall:.4f}",
        "none": "not asked",
    }
    times = ", ".join(f"{stage.name} {stage.milliseconds:.2f}" for stage in how.stages)
    return f"vectors: {roads[how.strategy]}; {page.total:,} papers pass; {page.generation}\nmilliseconds: {times}"


def paper_text(paper: Paper) -> str:
    """A paper whole, for a pipe."""
    lines = [_paper_entry(paper, max_authors=None)]
    if len(paper.ids) > 1:
        lines.append("   also  " + ", ".join(paper.ids[1:]))
    lines += [f"   {name}  {value}" for name, value in paper.extra.items()]
    if paper.title and paper.abstract:
        lines.append("\n" + paper.abstract)
    return sanitize_lines("\n".join(lines)) + "\n"


def status_text(manifest: Manifest, size: int) -> str:
    """The state of an index in four lines."""
    model = manifest.model
    return (
        f"papers      {manifest.live:,}\n"
        f"generation  {manifest.generation}\n"
        f"model       {model.name}, {model.dim} dimensions, {model.max_tokens} tokens, {model.precision}\n"
        f"bytes       {size:,}\n"
    )


def sanitize_lines(text: str) -> str:
    """``plain`` line by line."""
    return "\n".join(sanitize_line(line) for line in text.split("\n"))


def _variants_line(match: AuthorMatch) -> str:
    shown = ", ".join(f"{count.value} {count.papers:,}" for count in match.variants[:_MAX_SHOWN_VARIANTS])
    more = len(match.variants[_MAX_SHOWN_VARIANTS:]) + match.more_variants
    return f"{match.name}: {shown}" + (f" and {more:,} more" if more else "") + "; leave one out with --not-author"


def _facets_text(facets: Facets) -> str:
    whole = "papers that pass" if facets.scope == "filter" else "papers that are relevant"
    kinds = {
        "years": facets.years,
        "categories": facets.categories,
        "authors": facets.authors,
        "sources": facets.sources,
    }
    lines = [f"of {facets.papers:,} {whole}:"]
    for name, counts in kinds.items():
        shown = ", ".join(f"{count.value} {count.papers:,}" for count in counts[:_MAX_SHOWN_COUNTS])
        lines.append(f"   {name:10}  {shown}" + (", ..." if len(counts) > _MAX_SHOWN_COUNTS else ""))
    return "\n".join(lines)


def _best_sentence_line(hit: Hit) -> str:
    """The sentence that answers best, on a line of its own."""
    sentence = best_sentence(hit)
    return f"\n   > {sentence}" if sentence else ""


def best_sentence(hit: Hit) -> str | None:
    """The sentence of the abstract that answers best, shortened."""
    span, abstract = hit.highlights.sentence, hit.paper.abstract
    return truncate_words(" ".join(abstract[span.start : span.end].split())) if span and abstract else None


def _paper_entry(paper: Paper, *, max_authors: int | None = _MAX_SHOWN_AUTHORS) -> str:
    lines = [display_title(paper), "   " + metadata_line(paper, max_authors=max_authors)]
    if paper_url(paper):
        lines.append(f"   {paper_url(paper)}")
    return sanitize_lines("\n".join(lines))


def display_title(paper: Paper) -> str:
    """The title, or the beginning of the abstract of a paper without one."""
    return paper.title or "(untitled) " + truncate_words(paper.abstract or "", max_words=12)


def metadata_line(paper: Paper, *, max_authors: int | None = _MAX_SHOWN_AUTHORS) -> str:
    """Id, date, categories and people on one line."""
    names = paper.authors[:max_authors]
    more = len(paper.authors) - len(names)
    people = ", ".join(names) + (f" and {more} more" if more else "") + (" et al." if paper.authors_partial else "")
    facts = [paper.id, str(paper.published or ""), " ".join(paper.categories), people]
    return " · ".join(fact for fact in facts if fact)


def match_reason(hit: Hit) -> str:
    """Its band, and its rank and score by meaning and by words."""
    parts = ["the very paper"] if hit.exact_match else []
    if hit.band:
        parts.append(hit.band)
    if hit.semantic:
        parts.append(f"meaning {_rank_prefix(hit.semantic)}cosine {hit.semantic.score:.3f}")
    if hit.lexical:
        parts.append(f"words {_rank_prefix(hit.lexical)}BM25 {hit.lexical.score:.2f}")
    return "; ".join(parts) or "listed by date"


def _rank_prefix(leg: LegMatch) -> str:
    return f"#{leg.rank} " if leg.rank else ""


def truncate_words(text: str, *, max_words: int = _MAX_SHOWN_WORDS) -> str:
    """The first words of a text."""
    parts = text.split()
    return " ".join(parts[:max_words]) + (" ..." if len(parts) > max_words else "")
