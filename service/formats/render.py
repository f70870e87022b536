"""Pages and papers as JSON, which the command line and HTTP share, and as plain text for the command line."""

from __future__ import annotations  # keeps the imports below to type checking

import json
import unicodedata
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from search.papers.json import clean_object
from search.papers.words import truncate_words
from search.query.counts import format_count
from search.query.facets import SCOPE_NOUNS
from service.formats.extra_fields import field_label, field_text

if TYPE_CHECKING:  # `papers status` starts without the modules that search
    from search.index.citations import Citations, CitedOrCiting
    from search.index.layout import Manifest
    from search.papers.json import Json
    from search.papers.paper import Paper
    from search.people.persons import Person, Persons
    from search.query.author_match import AuthorMatch
    from search.query.facets import Facets
    from search.query.hit import Hit, LegMatch
    from search.query.page import Page
    from search.query.people import People, RankedAuthor
    from search.query.refinement import Refinement, RefinementKind
    from search.query.suggestions import Suggestions

SCHEMA_VERSION = 1
"""Version of the shape of all JSON output."""
_MAX_VARIANTS = 6
"""Number of name variants on a line of text."""
_MAX_PEOPLE = 20
"""Number of people behind a name in text."""
_MAX_COUNTS = 8
"""Number of values of a facet on a line of text."""
FACET_INDENT = 15
"""Columns before the counts of a facet in text."""
_MAX_AUTHORS = 6
"""Number of authors of a hit in text."""
NO_AUTHORS = "no authors given by the source"
"""What stands in place of the authors of a paper whose sources name none; nothing there would look like a fault."""
_MAX_SENTENCE_WORDS = 45
"""Number of words of a hit's best sentence in text."""
_REFINEMENT_HEADINGS: dict[RefinementKind, str] = {
    "author": "papers by this author",
    "filter": "with a filter",
    "sense": "meanings",
    "related": "related queries",
}
"""What comes before the refinements of each kind."""
_MAX_TITLE_WORDS = 12
"""Number of words of the abstract in place of a missing title, and of the title of a near paper."""


def page_json(page: Page) -> dict[str, Json]:
    """A page of results as JSON."""
    fields = page.to_json()
    hits = fields.pop("hits")  # their papers are clean already
    return {"schema_version": SCHEMA_VERSION, **clean_object(fields), "hits": hits}


def authors_json(match: AuthorMatch, persons: Persons) -> dict[str, Json]:
    """The output of ``papers authors --json`` and GET /v1/authors."""
    people: list[Json] = [person.to_json() for person in persons]
    return clean_object({"schema_version": SCHEMA_VERSION, **match.to_json(), "people": people})


def people_json(people: People) -> dict[str, Json]:
    """The output of ``papers people --json`` and GET /v1/people."""
    return clean_object({"schema_version": SCHEMA_VERSION, **people.to_json()})


def suggestions_json(found: Suggestions) -> dict[str, Json]:
    """The output of GET /v1/suggest."""
    return clean_object({"schema_version": SCHEMA_VERSION, **found.to_json()})


def dump_json(fields: object) -> str:
    """Serializes an object as indented JSON for the command line."""
    return json.dumps(fields, ensure_ascii=False, indent=2)


def paper_document_json(paper: Paper) -> dict[str, Json]:
    """The output of ``papers show --json`` and GET /v1/papers/{id}."""
    return {"schema_version": SCHEMA_VERSION, **paper.to_dict()}


def status_json(manifest: Manifest, size: int) -> dict[str, Json]:
    """The output of ``papers status --json``.

    Args:
        manifest: of the published generation.
        size: size of the index directory, in bytes.
    """
    return {
        "schema_version": SCHEMA_VERSION,
        "papers": manifest.live,
        "generation": manifest.generation,
        "model": manifest.model.to_json(),
        "size_bytes": size,
    }


def sanitize_line(text: str) -> str:
    """The text without control and format characters, which could drive a terminal, and without surrogates."""
    if text.isprintable():
        return text
    return "".join(character for character in text if unicodedata.category(character) not in ("Cc", "Cf", "Cs"))


def page_text(page: Page) -> str:
    """A page as plain text: heading, one entry per hit, facets and cursor."""
    entries = [
        f"{rank}. {_paper_entry(hit.paper)}\n   {match_reason(hit)}{_best_sentence_line(hit)}"
        for rank, hit in enumerate(page.hits, 1)
    ]
    return sanitize_lines("\n\n".join([page_heading(page), *entries, *page_footer(page)])) + "\n"


def page_heading(page: Page) -> str:
    """The interpretation of the query, the number of papers, the name variants and whether any hit is close."""
    counts = f"showing {len(page.hits):,} of {format_count(page.total, estimated=page.total_estimated)}"
    if not page.exact:
        counts += f"; expected recall {page.expected_recall:.3f}"
    variants = [_variants_line(match) for match in page.authors if len(match.variants) > 1]
    lines = [page.interpretation, counts, *variants]
    if not page.has_close_match:
        lines.append("no close match; nearest papers:")
    return "\n".join(line for line in lines if line)


def page_footer(page: Page) -> list[str]:
    """The facets, if requested, and the cursor of the next page, if there is one."""
    lines = [_facets_text(page.facets)] if page.facets else []
    return [*lines, f"next page: --cursor {page.cursor}"] if page.cursor else lines


def page_notes(page: Page) -> Iterator[str]:
    """Yields hints for standard error: what limits the answer, corrections, unknown authors, no results."""
    for notice in page.notices:
        yield f"{notice[0].lower()}{notice[1:].removesuffix('.')}"
    if page.answered_query:
        yield f"showing results for: {page.answered_query} (--verbatim searches for the text as typed)"
    elif page.correction:
        yield f"did you mean: {page.correction}"
    for match in page.authors:
        if not match.variants and not match.more_variants:
            hint = f"; did you mean {' or '.join(match.suggestions)}?" if match.suggestions else ""
            yield f"no author matches {match.name!r}{hint}"
    if not page.total:
        yield "no papers match; remove a filter or rephrase the query"


def refinement_notes(page: Page) -> Iterator[str]:
    """Yields the further queries that a page offers, one line per kind."""
    for kind, heading in _REFINEMENT_HEADINGS.items():
        queries = [_refinement_text(each) for each in page.refinements if each.kind == kind]
        if queries:
            yield f"{heading}: {'; '.join(queries)}"


def _refinement_text(refinement: Refinement) -> str:
    """The query of a refinement, its order and its number of papers."""
    order = f" --sort {refinement.sort}" if refinement.sort else ""
    count = "" if refinement.papers is None else f" ({refinement.papers:,})"
    return f"{refinement.query}{order}{count}"


def authors_text(match: AuthorMatch, persons: Persons) -> str:
    """The variants of a name, one per line, and the people who share it, if they are several."""
    lines = [f"{count.papers:>8,}  {count.value}" for count in match.variants]
    if len(persons) > 1:
        lines += ["", "several people probably share this name (computed, may be wrong):"]
        lines += [f"{person.papers:>8,}  {_person_entry(match.name, person)}" for person in list(persons)[:_MAX_PEOPLE]]
    if len(persons) > _MAX_PEOPLE:
        lines.append(f"{'':>8}  and {len(persons) - _MAX_PEOPLE:,} more; --json lists all")
    return sanitize_lines("".join(f"{line}\n" for line in lines))


def _person_entry(name: str, person: Person) -> str:
    """What a person's papers are about, with whom, when, and the condition that finds them."""
    coauthors = f"with {', '.join(person.coauthors)}" if person.coauthors else ""
    facts = [" ".join(filter(None, (person.label, coauthors))), person.years, f'au:"{name} @ {person.id}"']
    return " · ".join(fact for fact in facts if fact)


def people_text(people: People) -> str:
    """The authors of the relevant papers, one entry each."""
    count = format_count(people.papers, "relevant paper", estimated=people.estimated, counted_over=people.counted_over)
    heading = f"{people.query or 'all papers'}\nauthors of {count}, most and nearest papers first"
    entries = [f"{rank}. {_author_entry(author)}" for rank, author in enumerate(people.authors, 1)]
    return sanitize_lines("\n\n".join([heading, *entries])) + "\n"


def _author_entry(author: RankedAuthor) -> str:
    several = "may be several people" if author.may_be_several else ""
    name = f"{author.name} @ {author.person}" if author.person else author.name
    facts = [name, format_count(author.papers), author.years, several]
    papers = [f"   {paper.id} · {clean_title(paper)}" for paper in author.top_papers]
    return "\n".join([" · ".join(fact for fact in facts if fact), *papers])


def explanation_text(page: Page) -> str:
    """The search strategy with the number of papers scored, and the timings, in two lines."""
    explanation = page.explanation
    strategies = {
        "exact": f"exact, scored all {format_count(explanation.papers_scored, 'matching paper')}",
        "approximate": f"approximate, scanned {explanation.codes_scanned:,} codes, "
        f"re-ranked {format_count(explanation.papers_scored)}, expected recall {page.expected_recall:.4f}",
        "none": "not used",
    }
    total = format_count(page.total, estimated=page.total_estimated)
    timings = ", ".join(f"{stage.name} {stage.milliseconds:.2f}" for stage in explanation.stages)
    matched = f"{total} match{'es' if page.total == 1 else ''}"
    return f"semantic search: {strategies[explanation.strategy]}; {matched}; {page.generation}\ntimings (ms): {timings}"


def citations_json(citations: Citations) -> dict[str, Json]:
    """The output of ``papers show --citations --json`` and GET /v1/papers/{id}/citations."""
    return {"schema_version": SCHEMA_VERSION, **citations.to_json()}


def citations_text(citations: Citations) -> str:
    """What a paper cites and what cites it, within the index: two lines per paper."""
    lists = (("References in this index", citations.references), ("Cited in this index by", citations.citing))
    return "\n".join(_citation_list_text(heading, found) for heading, found in lists)


def _citation_list_text(heading: str, found: CitedOrCiting) -> str:
    shown = f", the first {len(found.papers):,}" if len(found.papers) < found.total else ""
    entries = (f"   {display_title(paper)}\n      {metadata_line(paper)}" for paper in found.papers)
    return sanitize_lines("\n".join([f"{heading}: {format_count(found.total)}{shown}", *entries])) + "\n"


def paper_text(
    paper: Paper,
    earlier: Sequence[Paper] = (),
    duplicates: Sequence[Paper] = (),
    citations: Citations | None = None,
) -> str:
    """A paper with all its authors, IDs, further fields and abstract.

    Args:
        paper: the paper.
        earlier: earlier versions of it.
        duplicates: papers that may be the same one.
        citations: what it cites and what cites it; None to leave their numbers out.
    """
    lines = [_paper_entry(paper, max_authors=None)]
    if len(paper.ids) > 1:
        lines.append("   other IDs  " + ", ".join(paper.ids[1:]))
    if paper.added:
        lines.append(f"   added to this index  {paper.to_dict()['added']}")
    if paper.references:
        lines.append(f"   references  {len(paper.references):,} IDs")
    if citations and (citations.references.total or citations.citing.total):
        counts = f"cites {format_count(citations.references.total)}, cited by {format_count(citations.citing.total)}"
        lines.append(f"   in this index  {counts}; list them with --citations")
    fields = [(field_label(name), field_text(value)) for name, value in paper.extra.items()]
    lines += [f"   {label}  {text}" for label, text in fields if text]
    lines += [f"   earlier version  {version_line(version, paper)}" for version in earlier]
    lines += [f"   maybe the same paper as  {other.id}: {clean_title(other)}" for other in duplicates]
    if paper.title and paper.abstract:
        lines.append("\n" + _clean(paper.abstract))
    return sanitize_lines("\n".join(lines)) + "\n"


def version_line(version: Paper, paper: Paper) -> str:
    """What an earlier version of a paper has that differs, on one line."""
    facts = [f"v{version.version}" if version.version else "", str(version.updated or version.published or "")]
    facts.append((version.title or "") if version.title != paper.title else "")
    facts.append(" ".join(version.categories) if version.categories != paper.categories else "")
    facts.append(", ".join(version.authors) if version.authors != paper.authors else "")
    return " · ".join(fact for fact in facts if fact)


def status_text(manifest: Manifest, size: int) -> str:
    """The state of an index in four lines; see ``status_json``."""
    model = manifest.model
    return (
        f"papers      {manifest.live:,}\n"
        f"generation  {manifest.generation}\n"
        f"model       {model.name}, {model.dim} dimensions, {model.max_tokens} tokens, {model.precision}\n"
        f"size        {size:,} bytes\n"
    )


def sanitize_lines(text: str) -> str:
    """``sanitize_line`` for each line of a text."""
    return "\n".join(sanitize_line(line) for line in text.split("\n"))


def _variants_line(match: AuthorMatch) -> str:
    shown = ", ".join(f"{count.value} {count.papers:,}" for count in match.variants[:_MAX_VARIANTS])
    more = len(match.variants[_MAX_VARIANTS:]) + match.more_variants
    return f"{match.name}: {shown}" + (f" and {more:,} more" if more else "") + "; exclude a variant with --not-author"


def _facets_text(facets: Facets) -> str:
    from service.formats.counts import round_facets

    noun = SCOPE_NOUNS[facets.scope]
    facets = round_facets(facets)
    groups = {
        "years": facets.years,
        "categories": facets.categories,
        "kinds": facets.kinds,
        "authors": facets.authors,
        "sources": facets.sources,
    }
    counted = format_count(facets.papers, noun, estimated=facets.estimated)
    covered = facets.counted_over and f"counted over {facets.counted_over}"
    lines = [f"facets of {', '.join(filter(None, (counted, facets.strong_text, covered)))}:"]
    for name, counts in groups.items():
        if name == "kinds" and not counts:  # an earlier version wrote the index
            continue
        shown = ", ".join(f"{count.value} {count.papers:,}" for count in counts[:_MAX_COUNTS])
        lines.append(f"{'   ' + name:{FACET_INDENT}}{shown}" + (", ..." if len(counts) > _MAX_COUNTS else ""))
    return "\n".join(lines)


def _best_sentence_line(hit: Hit) -> str:
    """The best sentence as a further line, or nothing."""
    sentence = best_sentence(hit)
    return f"\n   > {sentence}" if sentence else ""


def best_sentence(hit: Hit) -> str | None:
    """The sentence of the abstract that matches the query best, truncated."""
    span, abstract = hit.highlights.sentence, hit.paper.abstract
    if not span or not abstract:
        return None
    return truncate_words(_clean(abstract, span.start, span.end), _MAX_SENTENCE_WORDS)


def _paper_entry(paper: Paper, *, max_authors: int | None = _MAX_AUTHORS) -> str:
    lines = [clean_title(paper), "   " + metadata_line(paper, max_authors=max_authors)]
    if paper.link:
        lines.append(f"   {paper.link}")
    return sanitize_lines("\n".join(lines))


def display_title(paper: Paper) -> str:
    """The title, or the beginning of the abstract if there is no title."""
    return paper.title or "(untitled) " + truncate_words(paper.abstract or "", _MAX_TITLE_WORDS)


def clean_title(paper: Paper) -> str:
    """``display_title`` without debris, for readers; exports have the title of the source."""
    return _clean(display_title(paper))


def _clean(text: str, start: int = 0, end: int | None = None) -> str:
    from search.papers.debris import clean_text

    return clean_text(text, start, end)


def metadata_line(paper: Paper, *, max_authors: int | None = _MAX_AUTHORS) -> str:
    """Retraction, ID, date, categories and authors on one line."""
    names = paper.authors[:max_authors]
    more = len(paper.authors) - len(names)
    authors = ", ".join(names) + (f" and {more} more" if more else "") + (" et al." if paper.authors_partial else "")
    authors = authors or NO_AUTHORS
    retraction = (paper.retraction or "").upper()
    cited = cited_by(paper.citations)
    facts = [retraction, paper.id, str(paper.published or ""), cited, " ".join(paper.categories), authors]
    return " · ".join(fact for fact in facts if fact)


def cited_by(citations: int | None) -> str:
    """How often a paper is cited, in words; empty without a count."""
    return "" if citations is None else f"cited by {citations:,}"


def match_reason(hit: Hit) -> str:
    """How a hit matched: whether exactly, its band, the paper it is near, ranks and scores; else when it was added."""
    parts = ["exact match"] if hit.exact_match else []
    if hit.band:
        parts.append(hit.band)
    if hit.near:
        title = hit.near.title or hit.near.id or "an untitled paper"
        parts.append(f"near {truncate_words(title, _MAX_TITLE_WORDS)} (cosine {hit.near.similarity:.3f})")
    if hit.semantic:
        parts.append(f"semantic {_rank_prefix(hit.semantic)}(cosine {hit.semantic.score:.3f})")
    if hit.lexical:
        parts.append(f"lexical {_rank_prefix(hit.lexical)}(BM25 {hit.lexical.score:.2f})")
    if not parts and hit.paper.added:
        parts.append(f"added {hit.paper.added:%Y-%m-%d}")
    return " · ".join(parts) or "sorted by date"


def _rank_prefix(leg: LegMatch) -> str:
    return f"#{leg.rank} " if leg.rank else ""
