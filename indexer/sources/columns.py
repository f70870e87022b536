"""The columns of tables of papers: which field of a paper each one has, by the meaning of its name.

The names are those of the exports of Scopus, Web of Science, IEEE Xplore, SpringerLink, Lens, Embase, PubMed, OpenAlex,
Zotero, Mendeley, ASReview, rispy, Publish or Perish, EBSCO, ProQuest, Dimensions and Semantic Scholar, and of this
program. Names that are not in the table are understood by their words.
"""

import re
import unicodedata
from collections.abc import Sequence

_NAMES = {
    "id": "id, openalex id, paper id",
    "ids": "ids",
    "title": "title, primary title, document title, article title, item title, display name, paper title, ti, t1, "
    "titles, titel, titre, título, titulo, titolo, 标题, 題名, タイトル",
    "abstract": "abstract, abstract note, ab, abstract text, notes abstract, n2, abstracts, summary, summaries, "
    "zusammenfassung, résumé, resume, resumen, resumo, riassunto, description, 摘要, 抄録",
    "authors": "author full names, authors full names, authorships author display name, author names, af, authors, "
    "author, au, a1, first authors, author list, authors list, author name, creators, creator, writers, written by, "
    "contributors, autoren, autor, auteurs, auteur, autores, autori, 作者, 著者",
    "authors_partial": "authors partial",
    "published": "published, publication date, date published, published date, date of publication, online date, "
    "first published, issue date, date, issued, date issued, pubdate, pub date, pd, datum, fecha, data",
    "year": "publication year, year, pub year, year of publication, published year, year published, py, y1, jahr, "
    "année, annee, año, ano, anno, 年",
    "updated": "updated, updated date, date updated, update date",
    "categories": "categories, category, arxiv categories",
    "url": "url, link, pdf link, article url, landing page url, primary location landing page url, external url, urls, "
    "web url, full text url, full text link, ur, source urls, open url link",
    "version": "version",
    "retraction": "retraction",
    "extra": "extra",
    "doi": "doi, item doi, doi link, doi url, di, do, ids doi, digital object identifier",
    "pmid": "pmid, pubmed id, pubmedid, ids pmid, pm, pubmed",
    "pmc": "pmcid, pmc id, pmc, ids pmcid, pubmed central id",
    "arxiv": "arxiv id, arxiv, arxiv number, arxivid, eprint",
    "corpusid": "corpus id, corpusid",
    "s2": "semantic scholar id, s2 id",
    "acl": "acl id, anthology id",
    "journal": "journal, publication title, source title, journal book, journal title, secondary title, "
    "publication name, primary location source display name, container title, host venue display name, venue, so, jo, "
    "t2, jf, publication, booktitle, book title, published in, conference name, source, zeitschrift, revue, "
    "revista, rivista, 期刊",
    "keywords": "keywords, author keywords, keyword, keywords author, de, kw, manual tags, tags, ieee terms, "
    "mesh terms, index keywords, keywords plus, fields of study, emtree medical index terms, schlagwörter, mots clés, "
    "palabras clave, palavras chave, parole chiave, 关键词",
    "volume": "volume, journal volume, biblio volume, vl",
    "issue": "issue, journal issue, issue number, biblio issue, is",
    "pages": "pages, page range, page numbers",
    "first_page": "start page, page start, first page, biblio first page, bp, sp",
    "last_page": "end page, page end, last page, biblio last page, ep",
    "article_number": "art no, article number, article no, ar",
    "editors": "editors, editor, book editors, secondary authors, be",
    "publisher": "publisher, publisher name, pu",
    "citations": "citations, cited by, cited by count, citation count, article citation count, cites, times cited, "
    "times cited all databases, citing works count, tc",
    "references": "references, referenced works",
    "comment": "comment, comments",
}  # fmt: skip
"""Names of the columns of each field, in lower case and without punctuation, the preferred ones first. ``year`` and the
names of pages and schemes are not fields of a paper, but parts of them."""
_NO_FIELDS = ("first author", "citation")
"""Names of columns that are no fields of a paper, although their plurals are."""
_GUESSED = (
    ("title", "title titel titre título", "journal source publication book series short original conference alternate "
     "alternative secondary second container running translated abbreviated host"),
    ("abstract", "abstract", "graphical original url id language"),
    ("authors", "authors author", "id ids identifier identifiers affiliation affiliations address addresses keywords "
     "keyword orcid orcids email emails count number country countries first last corresponding book group "
     "institutions institution position researcher with"),
    ("year", "year", "per"),
    ("doi", "doi", "book references referenced cited"),
    ("pmid", "pmid", ""),
)  # fmt: skip
"""For other names: a word that the field's name has, and words that it does not have."""
_GUESSED_PLACE = 1_000
"""The preference of a column whose field was guessed."""
_NAME = re.compile(r"[^{}=@\\$<>]{0,80}")
"""A name of a column; other texts are longer, or code."""
_MAX_NAME_WORDS = 8
"""Words of the longest names."""
_MAX_GUESSED_WORDS = 4
"""Words of the longest names that are understood by their words."""
_MIN_PLURAL_LETTERS = 3
"""Letters of a plural, at least one more: ``ids`` is another field than ``id``."""
_PLURAL = re.compile(r"\(s\)|/s\b", re.IGNORECASE)
_WORD_START = re.compile(r"(?<=[^\W\d_A-Z])(?=[A-Z])")
"""Where a word starts within camelCase."""


def find_field(name: str) -> tuple[str, int]:
    """The field of a column, and its preference among the columns of this field, 0 for the first choice.

    Returns:
        An empty name for a column that is no field of a paper.
    """
    plain = normalize_name(name)
    if plain in _NO_FIELDS:
        return "", 0
    if found := _FIELD_BY_KEY.get(_make_key(plain)):
        return found
    words = set(plain.split())
    for field, wanted, unwanted in _GUESSED if len(words) <= _MAX_GUESSED_WORDS else ():
        if words & set(wanted.split()) and not words & set(unwanted.split()):
            return field, _GUESSED_PLACE
    return "", 0


def normalize_name(name: str) -> str:
    """The name of a column in lower case, its words separated by one space: ``sourceTitle`` is ``source title``."""
    plain = _WORD_START.sub(" ", _PLURAL.sub("s", unicodedata.normalize("NFKC", name))).lower()
    return " ".join(re.findall(r"[^\W_]+", plain))


def _make_key(name: str) -> str:
    """The words of a normalized name in the singular and without spaces, as programs differ in both."""
    return "".join(map(_singular, name.split()))


def _singular(word: str) -> str:
    if len(word) <= _MIN_PLURAL_LETTERS or not word.endswith("s") or word.endswith("ss"):
        return word
    return f"{word[:-3]}y" if word.endswith("ies") else word[:-1]


def count_fields(header: Sequence[str], *, is_first: bool) -> int:
    """The number of columns that are fields of a paper; 0 if this is no header of a table of papers.

    A header has several short names, one of them for titles or abstracts. This one may be understood by its words only
    in the first row, and if the table has another name, because texts have such words as well.

    Args:
        header: The cells of a row.
        is_first: Whether it is the first row of a file.
    """
    names = [name for name in header if name.strip()]
    if len(names) < 2 or not all(_NAME.fullmatch(name) and len(name.split()) <= _MAX_NAME_WORDS for name in names):
        return 0
    found = [(field, place) for field, place in map(find_field, names) if field]
    known = {field for field, place in found if place < _GUESSED_PLACE}
    texts = {field for field, _ in found} if is_first and known else known
    return len(found) if texts & {"title", "abstract"} and (is_first or len(known) > 1) else 0


_FIELD_BY_KEY = {
    _make_key(name): (field, place)
    for field, names in _NAMES.items()
    for place, name in reversed(list(enumerate(names.split(", "))))
}
