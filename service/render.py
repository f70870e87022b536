"""Render: pages and papers as JSON, as plain text and as cards. The command line and HTTP share the JSON."""

import unicodedata
from typing import TYPE_CHECKING

from search.layout import Manifest
from search.paper import Json, Paper
from search.query import Hit, LegMatch, Page

if TYPE_CHECKING:
    from rich.console import Console

SCHEMA_VERSION = 1
_SHOWN_AUTHORS = 6
_SHOWN_WORDS = 45


def paper_json(paper: Paper) -> dict[str, Json]:
    """A paper as one flat object; what it lacks is null or empty."""
    return {
        "id": paper.id,
        "ids": list(paper.ids),
        "title": paper.title,
        "authors": list(paper.authors),
        "authors_partial": paper.authors_partial,
        "published": str(paper.published) if paper.published else None,
        "updated": str(paper.updated) if paper.updated else None,
        "categories": list(paper.categories),
        "url": url_of(paper),
        "abstract": paper.abstract,
        "version": paper.version,
        "extra": dict(paper.extra),
        "sources": list(paper.sources),
    }


def page_json(page: Page) -> dict[str, Json]:
    """A page: its hits with what matched, how many papers there are, and whether the answer is exact."""
    return {
        "schema_version": SCHEMA_VERSION,
        "total": page.total,
        "exact": page.exact,
        "expected_recall": round(page.expected_recall, 4),
        "generation": page.generation,
        "explanation": {
            "road": page.explanation.road,
            "scanned": page.explanation.scanned,
            "scored": page.explanation.scored,
            "milliseconds": {stage.name: round(stage.milliseconds, 3) for stage in page.explanation.stages},
        },
        "hits": [_hit_json(hit) for hit in page.hits],
    }


def shown_paper_json(paper: Paper) -> dict[str, Json]:
    """What ``papers show --json`` and GET /v1/papers/{id} give."""
    return {"schema_version": SCHEMA_VERSION, **paper_json(paper)}


def status_json(manifest: Manifest, size: int) -> dict[str, Json]:
    """What ``papers status --json`` gives; ``bytes`` is all that lies in the index."""
    return {
        "schema_version": SCHEMA_VERSION,
        "papers": manifest.live,
        "generation": manifest.generation,
        "model": manifest.model.to_json(),
        "bytes": size,
    }


def url_of(paper: Paper) -> str | None:
    """Where the paper is read: what a source said, else what its id says."""
    scheme, _, rest = paper.id.partition(":")
    by_scheme = {
        "arxiv": f"https://arxiv.org/abs/{rest}",
        "doi": f"https://doi.org/{rest}",
        "pmid": f"https://pubmed.ncbi.nlm.nih.gov/{rest}/",
        "acl": f"https://aclanthology.org/{rest}/",
    }
    return paper.url or by_scheme.get(scheme)


def plain(text: str) -> str:
    """The text without characters that would steer a terminal."""
    return "".join(character for character in text if unicodedata.category(character) not in ("Cc", "Cf", "Cs"))


def page_text(page: Page) -> str:
    """A page for a pipe: a line that counts, then an entry a hit."""
    entries = [f"{rank}. {_entry(hit.paper)}\n{_why(hit)}" for rank, hit in enumerate(page.hits, 1)]
    return "\n\n".join([_counted(page), *entries]) + "\n"


def explanation_text(page: Page) -> str:
    """The road taken, what was looked at, and the times, in two lines."""
    how = page.explanation
    roads = {
        "rows": f"scored all {how.scored:,} passing papers exactly",
        "codes": f"scanned {how.scanned:,} codes, scored {how.scored:,} papers exactly, "
        f"expected recall {page.expected_recall:.4f}",
        "none": "not asked",
    }
    times = ", ".join(f"{stage.name} {stage.milliseconds:.2f}" for stage in how.stages)
    return f"vectors: {roads[how.road]}; {page.total:,} papers pass; {page.generation}\nmilliseconds: {times}"


def paper_text(paper: Paper) -> str:
    """A paper whole, for a pipe."""
    lines = [_entry(paper, authors=None)]
    if len(paper.ids) > 1:
        lines.append("   also  " + ", ".join(paper.ids[1:]))
    lines += [f"   {name}  {value}" for name, value in paper.extra.items()]
    if paper.title and paper.abstract:
        lines.append("\n" + paper.abstract)
    return plain_lines("\n".join(lines)) + "\n"


def status_text(manifest: Manifest, size: int) -> str:
    """The state of an index in four lines."""
    model = manifest.model
    return (
        f"papers      {manifest.live:,}\n"
        f"generation  {manifest.generation}\n"
        f"model       {model.name}, {model.dim} dimensions, {model.max_tokens} tokens, {model.precision}\n"
        f"bytes       {size:,}\n"
    )


def print_cards(page: Page, console: "Console") -> None:
    """A page for a terminal."""
    from rich.panel import Panel
    from rich.text import Text

    console.print(Text(_counted(page), style="dim"))
    for rank, hit in enumerate(page.hits, 1):
        paper = hit.paper
        body = Text(plain(_byline(paper)), style="cyan")
        if paper.title and paper.abstract:
            body.append("\n" + plain(_shortened(paper.abstract)), style="default")
        body.append("\n" + _why(hit).strip(), style="dim")
        if url_of(paper):
            body.append("\n" + plain(str(url_of(paper))), style="blue")
        title = Text(f" {rank}. {plain(_heading(paper))} ", style="bold")
        console.print(Panel(body, title=title, title_align="left", border_style="dim"))


def plain_lines(text: str) -> str:
    """``plain`` line by line."""
    return "\n".join(plain(line) for line in text.split("\n"))


def _hit_json(hit: Hit) -> dict[str, Json]:
    matched: dict[str, Json] = {"semantic": _leg_json(hit.semantic), "lexical": _leg_json(hit.lexical)}
    return {**paper_json(hit.paper), "score": hit.score, "matched": matched, "same": hit.same}


def _leg_json(leg: LegMatch | None) -> Json:
    return {"rank": leg.rank, "score": leg.score} if leg else None


def _counted(page: Page) -> str:
    papers = "1 paper passes" if page.total == 1 else f"{page.total:,} papers pass"
    return f"{papers}, {len(page.hits):,} shown" + (
        "" if page.exact else f"; expected recall {page.expected_recall:.3f}"
    )


def _entry(paper: Paper, *, authors: int | None = _SHOWN_AUTHORS) -> str:
    lines = [_heading(paper), "   " + _byline(paper, authors=authors)]
    if url_of(paper):
        lines.append(f"   {url_of(paper)}")
    return plain_lines("\n".join(lines))


def _heading(paper: Paper) -> str:
    return paper.title or "(untitled) " + _shortened(paper.abstract or "", words=12)


def _byline(paper: Paper, *, authors: int | None = _SHOWN_AUTHORS) -> str:
    names = paper.authors[:authors]
    more = len(paper.authors) - len(names)
    people = ", ".join(names) + (f" and {more} more" if more else "") + (" et al." if paper.authors_partial else "")
    facts = [paper.id, str(paper.published or ""), " ".join(paper.categories), people]
    return " · ".join(fact for fact in facts if fact)


def _why(hit: Hit) -> str:
    parts = ["the paper you pasted"] if hit.same else []
    if hit.semantic:
        parts.append(f"meaning {_place(hit.semantic)}cosine {hit.semantic.score:.3f}")
    if hit.lexical:
        parts.append(f"words {_place(hit.lexical)}BM25 {hit.lexical.score:.2f}")
    return "   " + "; ".join(parts) if parts else "   listed by date"


def _place(leg: LegMatch) -> str:
    return f"#{leg.rank} " if leg.rank else ""


def _shortened(text: str, *, words: int = _SHOWN_WORDS) -> str:
    parts = text.split()
    return " ".join(parts[:words]) + (" ..." if len(parts) > words else "")
