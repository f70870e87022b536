"""OpenSearch: a description with which browsers add this server as a search engine, and suggestions in its format.

The formats: OpenSearch 1.1 draft 6 (https://github.com/dewitt/opensearch/blob/master/opensearch-1-1-draft-6.md) and its
extension for suggestions (https://github.com/dewitt/opensearch/blob/master/mediawiki/Specifications/OpenSearch/
Extensions/Suggestions/1.1/Draft%201.wiki).
"""

from xml.sax.saxutils import quoteattr

from search.papers.json import Json
from search.query.counts import format_count
from search.query.suggestions import Suggestions

DESCRIPTION_TYPE = "application/opensearchdescription+xml"
SUGGESTIONS_TYPE = "application/x-suggestions+json"


def render_description(base_url: str, icon_path: str, papers: int) -> str:
    """Returns the description of the search engine.

    Args:
        base_url: the absolute address of the start page, as the client reaches it.
        icon_path: the path of its icon, an SVG image.
        papers: the number of papers in the index.
    """
    urls = (
        ("text/html", "results", f"{base_url}?q={{searchTerms}}"),
        ("application/atom+xml", "results", f"{base_url}v1/search?q={{searchTerms}}&format=atom"),
        (SUGGESTIONS_TYPE, "suggestions", f"{base_url}v1/suggest?q={{searchTerms}}&format=opensearch"),
        (DESCRIPTION_TYPE, "self", f"{base_url}opensearch.xml"),
    )
    lines = [
        f'<Url type="{media_type}" rel="{relation}" template={quoteattr(template)}/>'
        for media_type, relation, template in urls
    ]
    return "\n".join(
        (
            '<?xml version="1.0" encoding="UTF-8"?>',
            '<OpenSearchDescription xmlns="http://a9.com/-/spec/opensearch/1.1/">',
            "<ShortName>papers</ShortName>",
            f"<Description>Search {format_count(papers)} by meaning and by keyword</Description>",
            *lines,
            f'<Image width="16" height="16" type="image/svg+xml">{base_url.rstrip("/")}{icon_path}</Image>',
            "<InputEncoding>UTF-8</InputEncoding>",
            "<OutputEncoding>UTF-8</OutputEncoding>",
            "</OpenSearchDescription>",
            "",
        )
    )


def suggestions_to_opensearch(text: str, found: Suggestions) -> list[Json]:
    """Returns the text, the queries that complete it, and a description of each: categories, then authors."""
    categories = [
        (f"cat:{each.code}", f"{each.name or each.code}, {format_count(each.papers)}") for each in found.categories
    ]
    authors = [
        (f'au:"{each.value.replace(chr(34), "")}"', f"{each.value}, {format_count(each.papers)}")
        for each in found.authors
    ]
    completions = [*categories, *authors]
    return [text, [query for query, _ in completions], [description for _, description in completions]]
