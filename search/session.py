"""Session: answers queries from one snapshot of an index. Every interface enters here, so they cannot disagree."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from search import budget
from search.embedding.cache import EmbedderCache
from search.errors import InvalidValue, PaperNotFound
from search.index.snapshot import Snapshot
from search.language.describe import describe_condition, describe_query
from search.papers import identifiers
from search.papers.normalization import compose, strip_control_characters
from search.papers.paper import Paper
from search.query.author import parse_author
from search.query.author_match import AuthorMatch
from search.query.condition import AllOf, InRows, names_person
from search.query.library import Library
from search.query.page import Page
from search.query.people import NO_CORRECTIONS, PersonCorrections
from search.query.query import Query
from search.query.suggestions import Suggestions
from search.ranking import cursor
from search.ranking.answer import answer_query, list_papers
from search.ranking.legs import FilteredIndex, LegInput
from search.ranking.notices import find_notices
from search.ranking.query_input import build_leg_input
from search.ranking.relevance import RelevantSet, find_relevant_set
from search.ranking.variants import match_author
from search.themes.cache import ThemeCache

if TYPE_CHECKING:
    from search.index.citations import Citations
    from search.language.parser import ParsedQuery
    from search.maps.paper_map import PaperMap
    from search.people.persons import Persons
    from search.query.people import People
    from search.refinements.page import PageRefiner
    from search.themes.themes import Themes
    from search.trends.trends import Trends

F = TypeVar("F", bound=Callable[..., Any])


def _reporting_damage(method: F) -> F:
    """Reports an unexpected error of a method of ``Session`` as damage of the index, if that is the cause."""

    @wraps(method)
    def call(session: "Session", /, *args: Any, **options: Any) -> Any:
        with session.snapshot.reports_damage():
            return method(session, *args, **options)

    return cast("F", call)


@dataclass(frozen=True, slots=True, eq=False)
class Session:
    """Answers queries from one snapshot; safe to use from several threads.

    A request, a batch and a page of results use one session each, so that all their answers come from the same
    generation.

    Attributes:
        snapshot: the generation that answers.
        embedders: shared by all sessions of a searcher.
        on_page: called with every page of hits.
        theme_cache: shared by all sessions of a searcher.
        corrections: what the user says about people behind one name.
    """

    snapshot: Snapshot
    embedders: EmbedderCache
    on_page: Callable[[Page], None] | None = None
    theme_cache: ThemeCache = field(default_factory=ThemeCache)
    corrections: PersonCorrections = NO_CORRECTIONS

    @property
    def generation(self) -> str:
        """The name of the generation that answers."""
        return self.snapshot.manifest.generation

    @_reporting_damage
    def ask(self, box: str, query: Query | None = None, **options: Any) -> Page:
        """Answers the text of the search box (docs/query-language.md).

        If nothing is close to a question, and its correction has a close match, or it is the full name of an author,
        then that is answered instead (``Page.answered_query``). A page with an offset answers the question as it is.

        Args:
            box: words, conditions, a paper ID or an abstract.
            query: filters and options that apply besides the conditions in the box.
            options: fields of ``Query`` except ``text``, such as ``limit=5``; they take precedence over ``query``.

        Raises:
            InvalidValue: the box cannot be parsed (the message gives the position), or an option is unknown. See
                ``search`` for other errors.
        """
        query = (query or Query()).with_options(**options)
        box = compose(strip_control_characters(box))
        if not box:
            return self.search(query)
        if query.theme and not query.verbatim:
            return self._ask_within_theme(box, query)
        # imported here, so that a query with only a filter starts in 0.2 s
        from search.language.removable_parts import split_query
        from search.refinements.page import PageRefiner

        parsed, typed = self._parse(box, query)
        if parsed.kind != "question":
            return replace(self.search(typed), parts=split_query(parsed))
        refiner = PageRefiner(self.snapshot, parsed)
        alternatives = () if query.verbatim or query.offset else refiner.alternatives
        for other in alternatives if query.cursor and not cursor.belongs_to(typed) else ():
            if cursor.belongs_to(self._parse(other, query)[1]):
                return self._answer_instead(other, query, refiner)
        page, nearest = self._answer(typed)
        alternatives = () if refiner.is_answered_by(page) else alternatives
        for other in alternatives:
            answer = self._answer_instead(other, query, refiner)
            if answer.total and answer.has_close_match:
                return answer
        correction = None if alternatives else refiner.correction  # one that finds nothing close either does not help
        page = replace(page, parts=split_query(parsed), correction=correction)
        return page if query.cursor or query.offset else replace(page, refinements=refiner.refine(page, nearest))

    @_reporting_damage
    def search(self, query: Query) -> Page:
        """Returns the hits of a query: by relevance to its text and example papers, or newest first without either.

        Raises:
            InvalidValue: an unknown category; no word in lexical mode; ``unlike`` without
                text or ``like``; a malformed cursor, or one of another query or generation.
            PaperNotFound: an example paper is not in the index.
            ModelMismatch: the installed model is not the one of the index.
            ModelUnavailable: the model cannot be loaded.
        """
        return self._answer(query)[0]

    @_reporting_damage
    def relevant(self, box: str, query: Query | None = None, **options: Any) -> RelevantSet:
        """Returns all papers that are relevant to the text of the search box: those that the facets of ``ask`` count.

        Args:
            box: see ``ask``. If nothing is close to it, the query that ``ask`` answers instead counts.
            query: see ``ask``; its limit, sort and cursor do not matter.
            options: see ``ask``.

        Raises:
            InvalidValue, PaperNotFound, ModelMismatch, ModelUnavailable: see ``ask``.
        """
        answered, typed = self._find_answered(box, (query or Query()).with_options(**options))
        return find_relevant_set(*self._prepare(typed), answered)

    @_reporting_damage
    def map(self, box: str, query: Query | None = None, **options: Any) -> "PaperMap":
        """Returns a map of the papers that are relevant to the text of the search box, of many the 2,000 nearest.

        Args:
            box: see ``relevant``.
            query: see ``relevant``.
            options: see ``ask``.

        Raises:
            InvalidValue, PaperNotFound, ModelMismatch, ModelUnavailable: see ``ask``.
        """
        from search.maps.paper_map import PaperMap

        return PaperMap.of_themes(self.snapshot, self.themes(box, query, **options))

    @_reporting_damage
    def map_papers(self, ids: Sequence[str]) -> "PaperMap":
        """Returns a map of some papers, of more than 2,000 the first.

        Args:
            ids: their IDs; those that are not in the index are left out.
        """
        from search.maps.paper_map import PaperMap

        rows = (self.snapshot.find_row(paper_id) for paper_id in ids)
        return PaperMap.of_rows(self.snapshot, list(dict.fromkeys(row for row in rows if row is not None)))

    @_reporting_damage
    def trends(
        self, questions: str | Sequence[str], query: Query | None = None, *, per: str | None = None, **options: Any
    ) -> "Trends":
        """Counts the papers that are relevant to one or several questions by month or year.

        Args:
            questions: up to six texts of the search box, each with conditions of its own if it has any.
            query: filters and options that apply to every question; shares are of the papers that match its filter.
            per: ``month`` or ``year``; None for months if almost all papers are of the last three years, else years.
            options: see ``ask``.

        Raises:
            InvalidValue: no question, too many, or an unknown ``per``; see ``ask`` for other errors.
        """
        from search.trends.count import check_questions, count_trends, parse_per

        query, length = (query or Query()).with_options(**options), parse_per(per)
        boxes = [compose(strip_control_characters(box)) for box in check_questions(questions)]
        answers = [(box, self.relevant(box, query)) for box in boxes]
        shared = FilteredIndex.of(self.snapshot, query.filter.condition).rows
        return count_trends(self.snapshot, shared, query.filter, answers, length)

    @_reporting_damage
    def people(self, box: str, query: Query | None = None, *, limit: int = 20, **options: Any) -> "People":
        """Ranks the authors of the papers that are relevant to the text of the search box: who works on it.

        Args:
            box: see ``ask``.
            query: see ``relevant``.
            limit: number of authors, from 1 to 100.
            options: see ``relevant``.

        Raises:
            InvalidValue, PaperNotFound, ModelMismatch, ModelUnavailable: see ``relevant``; or the limit is invalid.
        """
        from search.people.ranking import rank_authors

        return rank_authors(self.relevant(box, query, **options), limit)

    @_reporting_damage
    def themes(self, box: str, query: Query | None = None, **options: Any) -> "Themes":
        """Returns the themes of the papers that are relevant to the text of the search box.

        Args:
            box: see ``relevant``.
            query: see ``relevant``.
            options: see ``ask``.

        Raises:
            InvalidValue, PaperNotFound, ModelMismatch, ModelUnavailable: see ``ask``.
        """
        query = (query or Query()).with_options(**options).unpaged
        return self.theme_cache.get((self.generation, box, query), lambda: self._find_themes(box, query))

    def _find_themes(self, box: str, query: Query) -> "Themes":
        answered, typed = self._find_answered(box, query)
        return replace(self._themes_of(typed), answered_query=answered)

    def _themes_of(self, query: Query) -> "Themes":
        """Returns the themes of a query; two searches that differ in theme, order and page have the same."""
        from search.themes.themes import Themes

        query = replace(query.unpaged, verbatim=False)
        find = lambda: Themes.find(find_relevant_set(*self._prepare(query), query.text))  # noqa: E731
        return self.theme_cache.get((self.generation, query), find)

    def _find_answered(self, box: str, query: Query) -> tuple[str, Query]:
        """Returns the text of the search box that ``ask`` answers, its own or another, and its query."""
        box = compose(strip_control_characters(box))
        first = replace(query.unpaged, theme=query.theme)
        answered = replace(self, on_page=None).ask(box, first).answered_query or box
        return answered, self._with_words_of_mode(self._parse(answered, query)[1] if answered else query)

    def _parse(self, box: str, query: Query) -> "tuple[ParsedQuery, Query]":
        """Parses the text of the search box and adds what it requires to a query."""
        from search.language.parser import parse_query

        utc_today = datetime.now(UTC).date()
        categories = self.snapshot.columns.categories.codes
        parsed = parse_query(box, today=date.today(), categories=categories, utc_today=utc_today)
        conditions = tuple(each for each in (query.filter.where, parsed.condition) if each)
        paper = (parsed.paper_id,) if parsed.paper_id else ()
        return parsed, replace(
            query,
            text=parsed.text,
            filter=replace(query.filter, where=AllOf(conditions) if conditions else None),
            like=(*paper, *query.like),
            include_like=query.include_like or bool(paper),
            is_abstract=query.is_abstract or parsed.kind == "abstract",
        )

    def _ask_within_theme(self, box: str, query: Query) -> Page:
        """Answers a query with a theme: what is answered without the theme decides which text it belongs to."""
        whole = replace(self, on_page=None).ask(box, query.unpaged)
        page = self.ask(whole.answered_query or box, replace(query, verbatim=True))
        return replace(page, answered_query=whole.answered_query, correction=whole.correction)

    def _answer_instead(self, box: str, query: Query, refiner: "PageRefiner") -> Page:
        """Answers another query than the one asked."""
        return replace(self.ask(box, query, verbatim=True), correction=refiner.correction, answered_query=box)

    def _answer(self, query: Query) -> tuple[Page, NDArray[np.int64]]:
        """Returns the answer of a query, and the rows nearest to its text, best first; none without text."""
        budget.check()
        interpretation, query = describe_query(query), self._with_words_of_mode(query)
        start = cursor.decode(query, self.generation, len(self.snapshot.columns))
        filtered, leg_input = self._prepare(query)
        if leg_input:
            page, nearest = answer_query(filtered, query, leg_input, start)
        else:
            page, nearest = list_papers(filtered, query, start), np.empty(0, np.int64)
        if self.on_page:
            self.on_page(page)
        notices = find_notices(self.snapshot, query, page.total)
        return replace(page, interpretation=interpretation, notices=notices), nearest

    def _with_words_of_mode(self, query: Query) -> Query:
        """Strips the text, and removes it in lexical mode if it has no words and conditions alone select papers."""
        text = strip_control_characters(query.text)
        if query.mode == "lexical" and query.filter.condition.parts and not self.snapshot.lexicon.terms(text):
            text = ""
        return replace(query, text=text)

    def _prepare(self, query: Query) -> tuple[FilteredIndex, LegInput | None]:
        """Returns the papers that match the filter, and the input of the legs; None without text and examples."""
        like, unlike = (tuple(self._row(paper) for paper in papers) for papers in (query.like, query.unlike))
        if not (query.text or like) and (unlike or query.is_abstract):
            raise _without_example(query)
        excluded = tuple(dict.fromkeys((*like, *unlike)))
        filtered = FilteredIndex.of(self.snapshot, self._condition_of(query), excluded)
        if not (query.text or like):
            return filtered, None
        return filtered, build_leg_input(filtered, self.embedders, query, (like, unlike))

    def _condition_of(self, query: Query) -> AllOf:
        """Returns the filter of a query and its theme as one condition, with the papers of persons that it names."""
        condition = query.filter.condition
        if names_person(condition):
            from search.people.conditions import resolve_persons

            condition = AllOf((resolve_persons(self.snapshot, condition, self.corrections),))
        if not query.theme:
            return condition
        rows = self._themes_of(query).grouping.rows_of(query.theme)
        return AllOf((*condition.parts, InRows(tuple(np.sort(rows).tolist()), query.theme)))

    @property
    def newest_added(self) -> datetime:
        """The time at which the last papers of the generation were added; 1970-01-01 if that of none is known.

        Papers of a later generation that are not in this one have a later time, whatever the clock says.
        """
        return datetime.fromtimestamp(int(self.snapshot.added_times.max(initial=0)), UTC)

    @_reporting_damage
    def recommend(self, library: Library, query: Query | None = None, **options: Any) -> Page:
        """Returns papers near a library that are not in it, each with the paper of the library that it is nearest to.

        Args:
            library: the papers of a user.
            query: its filter and limit apply.
            options: ``filter`` and ``limit``; they take precedence over ``query``.

        Raises:
            InvalidValue: no paper of the library is in the index or has a title or an abstract; an unknown category; or
                another field of the query is set.
            ModelMismatch: see ``search``.
            ModelUnavailable: see ``search``.
        """
        # imported here, since other queries do not need it
        from search.recommendations.embedding import check_filter_only, describe_left_out, embed_library
        from search.recommendations.recommend import recommend

        query = (query or Query()).with_options(**options)
        check_filter_only(query)
        budget.check()
        embedded, rows, left_out = embed_library(self.snapshot, self.embedders, library)
        filtered = FilteredIndex.of(self.snapshot, self._condition_of(query), rows)
        page = recommend(filtered, embedded, query.limit)
        filters = (describe_condition(query.filter.condition),) if query.filter.condition.parts else ()
        interpretation = ", ".join((page.interpretation, *filters))
        notices = describe_left_out(left_out, len(library))
        if not (page.total or filters):
            notices = (*notices, "All papers of the index are in the library.")
        page = replace(page, interpretation=interpretation, notices=notices)
        if self.on_page:
            self.on_page(page)
        return page

    @_reporting_damage
    def paper(self, paper_id: str) -> Paper:
        """Returns the paper that has, or ever had, this ID, in any usual spelling.

        Raises:
            PaperNotFound: no paper has the ID.
        """
        return self.snapshot.store.get([self._row(paper_id)])[0]

    @_reporting_damage
    def citations(self, paper_id: str) -> "Citations":
        """Returns the papers of the index that a paper cites, and those that cite it.

        Raises:
            PaperNotFound: no paper has the ID.
        """
        from search.index.citations import find_citations

        return find_citations(self.snapshot, self.paper(paper_id))

    @_reporting_damage
    def authors(self, name: str) -> AuthorMatch:
        """Lists the variants of an author's name, with the number of papers of each.

        Raises:
            InvalidValue: the name is blank or too long.
        """
        return match_author(self.snapshot, parse_author(name), self.snapshot.live, limit=None)

    @_reporting_damage
    def persons(self, name: str) -> "Persons":
        """Tells the people behind a name apart, most papers first; see ``Persons``.

        Raises:
            InvalidValue: the name is blank or too long.
        """
        from search.people.persons import Persons

        return Persons.find(self.snapshot, parse_author(name), self.corrections)

    @_reporting_damage
    def suggest(self, text: str, limit: int = 8) -> Suggestions:
        """Suggests authors and categories for a partly typed name, most papers first.

        Each word of the text must be the beginning of a different word of the name: ``guo zh`` suggests Guorui Zhou,
        ``comp lang`` cs.CL.

        Args:
            text: the partly typed name.
            limit: the maximum number of authors, and of categories.

        Raises:
            InvalidValue: the text or the limit is invalid.
        """
        return self.snapshot.suggester.suggest(text, limit)

    def _row(self, paper_id: str) -> int:
        """Returns the live row of the paper that has or had this ID."""
        if identifiers.parse(paper_id) is None:
            raise PaperNotFound(paper_id, "IDs look like arxiv:2604.24432, doi:10.1145/3292500 or h:0123456789ab")
        row = self.snapshot.find_row(paper_id)
        if row is None:
            raise PaperNotFound(paper_id, "search for its title instead")
        return row


def _without_example(query: Query) -> InvalidValue:
    if query.unlike:
        return InvalidValue(
            "unlike", ", ".join(query.unlike), "add a query, or example papers that results should be similar to"
        )
    return InvalidValue("text", query.text, "the text is empty; paste an abstract of at least one word")
