"""Session: answers queries from one snapshot of an index. Every interface enters here, so they cannot disagree."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar, cast

from search import budget
from search.embedding.cache import EmbedderCache
from search.index.backend import Backend
from search.language.describe import describe_condition, describe_query
from search.language.framing import find_people_topic
from search.papers.normalization import compose, strip_control_characters
from search.papers.paper import Paper
from search.query.author import parse_author
from search.query.author_match import AuthorMatch
from search.query.library import Library
from search.query.page import Page, QueryPart
from search.query.page_cache import PageCache
from search.query.people import NO_CORRECTIONS, PersonCorrections
from search.query.query import Query
from search.query.suggestions import Suggestions
from search.ranking.answer import Answer
from search.ranking.filtered_index import FilteredIndex
from search.ranking.notices import find_notices
from search.ranking.page import build_page
from search.ranking.relevance import RelevantSet
from search.ranking.variants import match_author
from search.resolver import Resolver
from search.themes.cache import ThemeCache

if TYPE_CHECKING:
    from search.index.citations import Citations
    from search.maps.paper_map import PaperMap
    from search.people.persons import Persons
    from search.query.people import People
    from search.query.refinement import Refinement
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
        page_cache: shared by all sessions of a searcher; None to search for each question.
    """

    snapshot: Backend
    embedders: EmbedderCache
    on_page: Callable[[Page], None] | None = None
    theme_cache: ThemeCache = field(default_factory=ThemeCache)
    corrections: PersonCorrections = NO_CORRECTIONS
    page_cache: PageCache | None = None

    @property
    def generation(self) -> str:
        """The name of the generation that answers."""
        return self.snapshot.generation

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
        if self.page_cache is None:
            return self._ask(box, query)
        days = date.today(), datetime.now(UTC).date()  # the text may contain dates relative to them
        key = self.generation, self.embedders, self.corrections, days, box, query
        return self.page_cache.get(key, lambda: self._ask(box, query), lambda: not self.snapshot.notices)

    def _ask(self, box: str, query: Query) -> Page:
        """Answers the text of the search box without the cache."""
        found = self._resolver.resolve(box, query)
        page = build_page(found.answer)
        if found.parsed is None:
            return self._finish(page, found.query, found.answer)
        from search.language.removable_parts import split_query  # a query with only a filter is to start in 0.2 s

        refinements: tuple[Refinement, ...] = ()
        if found.refiner and not (query.cursor or query.offset):
            refinements = found.refiner.refine(page, found.answer)
        return self._finish(
            page,
            found.query,
            found.answer,
            parts=split_query(found.parsed),
            correction=found.correction,
            answered_query=found.box if found.is_other else None,
            refinements=refinements,
        )

    def parts(self, box: str) -> tuple[QueryPart, ...]:
        """Returns the removable parts of the text of the search box, which is parsed but not answered.

        Raises:
            InvalidValue: the box cannot be parsed.
        """
        from search.language.removable_parts import split_query

        return split_query(self._resolver.parse(box, Query())[0]) if box else ()

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
        answer = self._resolver.answer(query)
        return self._finish(build_page(answer), query, answer)

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
        query = (query or Query()).with_options(**options)
        found = self._resolver.resolve(box, replace(query.unpaged, theme=query.theme))
        return found.answer.relevant_set(found.box)

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
        """Counts the papers on one or several questions by month or year: those that ``ask`` lists by date.

        Args:
            questions: up to six texts of the search box, each with conditions of its own if it has any.
            query: filters and options that apply to every question; shares are of the papers that match its filter.
            per: ``month`` or ``year``; None for months if almost all papers are of the last three years, else years.
            options: see ``ask``.

        Raises:
            InvalidValue: no question, too many, or an unknown ``per``; see ``ask`` for other errors.
        """
        from search.trends.count import CountedQuestion, check_questions, count_trends, parse_per

        query, length = (query or Query()).with_options(**options), parse_per(per)
        boxes = [compose(strip_control_characters(box)) for box in check_questions(questions)]
        by_date = replace(query.unpaged, theme=query.theme, sort="newest")
        found = [(box, self._resolver.resolve(box, by_date)) for box in boxes]
        answers = [CountedQuestion(box, each.box, each.answer.listed) for box, each in found]
        shared = FilteredIndex.of(self.snapshot, query.filter.condition).rows
        return count_trends(self.snapshot, shared, query.filter, answers, length)

    @_reporting_damage
    def people(self, box: str, query: Query | None = None, *, limit: int = 20, **options: Any) -> "People":
        """Ranks the authors of the papers that are relevant to the text of the search box: who works on it.

        Args:
            box: see ``ask``; "who works on TOPIC" means the topic.
            query: see ``relevant``.
            limit: number of authors, from 1 to 100.
            options: see ``relevant``.

        Raises:
            InvalidValue, PaperNotFound, ModelMismatch, ModelUnavailable: see ``relevant``; or the limit is invalid.
        """
        from search.people.ranking import rank_authors

        query = (query or Query()).with_options(**options)
        topic = None if query.verbatim or query.theme else find_people_topic(box)
        return rank_authors(self.relevant(topic or box, query), limit, self.corrections)

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
        key, is_whole = (self.generation, box, query), lambda: not self.snapshot.notices
        return self.theme_cache.get(key, lambda: self._find_themes(box, query), is_whole)

    def _find_themes(self, box: str, query: Query) -> "Themes":
        found = self._resolver.resolve(box, query)
        return replace(self._resolver.themes(found.answer), answered_query=found.box)

    @property
    def _resolver(self) -> Resolver:
        return Resolver(self.snapshot, self.embedders, self.theme_cache, self.corrections)

    def _finish(self, page: Page, query: Query, answer: Answer, **described: Any) -> Page:
        """Returns a page with what describes its query.

        Args:
            page: the page.
            query: the query that it answers.
            answer: its papers.
            described: further fields of the page.
        """
        closest = answer.lists_only_closest
        counted_over = answer.listed.counted_over if closest else ""
        notices = find_notices(self.snapshot, answer.query, page.total, only_closest=closest, counted_over=counted_over)
        return self._observe(replace(page, interpretation=describe_query(query), notices=notices, **described))

    def _observe(self, page: Page) -> Page:
        if self.on_page:
            self.on_page(page)
        return page

    @property
    def newest_added(self) -> datetime:
        """The time at which the last papers of the generation were added; 1970-01-01 if that of none is known.

        Papers of a later generation that are not in this one have a later time, whatever the clock says.
        """
        return datetime.fromtimestamp(self.snapshot.newest_added, UTC)

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
        filtered = FilteredIndex.of(self.snapshot, self._resolver.condition(query), rows)
        page = recommend(filtered, embedded, query.limit)
        filters = (describe_condition(query.filter.condition),) if query.filter.condition.parts else ()
        interpretation = ", ".join((page.interpretation, *filters))
        notices = describe_left_out(left_out, len(library))
        if not (page.total or filters):
            notices = (*notices, "All papers of the index are in the library.")
        return self._observe(replace(page, interpretation=interpretation, notices=notices))

    @_reporting_damage
    def paper(self, paper_id: str) -> Paper:
        """Returns the paper that has, or ever had, this ID, in any usual spelling.

        Raises:
            PaperNotFound: no paper has the ID.
        """
        return self.snapshot.store.get([self.snapshot.row_of(paper_id)])[0]

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
