"""Resolver: finds the query that a text of the search box stands for, and ranks its papers once."""

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import numpy as np

from search import budget
from search.embedding.cache import EmbedderCache
from search.errors import InvalidValue
from search.index.backend import Backend
from search.papers.normalization import compose, strip_control_characters
from search.query.condition import AllOf, InRows, names_person
from search.query.people import PersonCorrections
from search.query.query import Query
from search.ranking import cursor
from search.ranking.answer import Answer
from search.ranking.filtered_index import FilteredIndex
from search.ranking.query_input import build_leg_input
from search.themes.cache import ThemeCache

if TYPE_CHECKING:
    from search.language.parser import ParsedQuery
    from search.refinements.page import PageRefiner
    from search.themes.themes import Themes


@dataclass(frozen=True, slots=True, eq=False)
class Resolution:
    """What is answered for a text of the search box.

    Attributes:
        box: the text that is answered: the given one, or another one if nothing is close to that.
        query: the query that it stands for.
        answer: its papers.
        parsed: the text, parsed; None for an empty one.
        refiner: finds what to offer for it; None unless it is a question.
        correction: see ``Page``.
        is_other: whether this is another text than the given one.
    """

    box: str
    query: Query
    answer: Answer
    parsed: "ParsedQuery | None" = None
    refiner: "PageRefiner | None" = None
    correction: str | None = None
    is_other: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Resolver:
    """Resolves texts of the search box, and answers queries, with one snapshot.

    Attributes:
        snapshot: the generation that answers.
        embedders: has the embedder of the index.
        theme_cache: the themes of recent queries.
        corrections: what the user says about people behind one name.
    """

    snapshot: Backend
    embedders: EmbedderCache
    theme_cache: ThemeCache
    corrections: PersonCorrections

    def resolve(self, box: str, query: Query) -> Resolution:
        """Returns what is answered for a text of the search box; see ``Session.ask``.

        Args:
            box: the text.
            query: filters and options that apply besides the conditions in the text.

        Raises:
            InvalidValue: the text cannot be parsed; see ``answer`` for other errors.
        """
        box = compose(strip_control_characters(box))
        if not box:
            return Resolution("", query, self.answer(query))
        if query.theme and not query.verbatim:
            return self._resolve_within_theme(box, query)
        from search.refinements.page import PageRefiner  # a query with only a filter is to start in 0.2 s

        parsed, typed = self.parse(box, query)
        if parsed.kind != "question":
            return Resolution(box, typed, self.answer(typed), parsed)
        refiner = PageRefiner(self.snapshot, parsed)
        alternatives = () if query.verbatim or query.offset else refiner.alternatives
        for other in alternatives if query.cursor and not cursor.belongs_to(typed) else ():
            if cursor.belongs_to(self.parse(other, query)[1]):
                return self._resolve_other(other, query, refiner)
        answer = self.answer(typed)
        if refiner.is_answered_by(answer):
            alternatives = ()
        for other in alternatives:
            found = self._resolve_other(other, query, refiner)
            if found.answer.has_hits and found.answer.has_close_match:
                return found
        correction = None if alternatives else refiner.correction  # one that finds nothing close either does not help
        return Resolution(box, typed, answer, parsed, refiner, correction)

    def _resolve_other(self, box: str, query: Query, refiner: "PageRefiner") -> Resolution:
        """Resolves another text in place of the given one."""
        found = self.resolve(box, replace(query, verbatim=True))
        return replace(found, correction=refiner.correction, is_other=True)

    def _resolve_within_theme(self, box: str, query: Query) -> Resolution:
        """Resolves a text whose answer is narrowed to a theme: the answer without it decides which text that is."""
        whole = self.resolve(box, query.unpaged)
        _, typed = self.parse(whole.box, query)
        return replace(whole, query=typed, answer=self.answer(typed, whole.answer))

    def answer(self, query: Query, whole: Answer | None = None) -> Answer:
        """Prepares the answer of a query; its papers are ranked when they are needed.

        Args:
            query: the query.
            whole: the answer of the same query without its theme, if it is known.

        Raises:
            InvalidValue: an unknown category; no word in lexical mode; ``unlike`` without
                text or ``like``; a malformed cursor, or one of another query or generation.
            PaperNotFound: an example paper is not in the index.
            ModelMismatch: the installed model is not the one of the index.
            ModelUnavailable: the model cannot be loaded.
        """
        budget.check()
        query = self._with_words_of_mode(query)
        start = cursor.decode(query, self.snapshot.generation, len(self.snapshot.live))
        like, unlike = (tuple(map(self.snapshot.row_of, papers)) for papers in (query.like, query.unlike))
        if not (query.text or like) and (unlike or query.is_abstract):
            raise _without_example(query)
        excluded = tuple(dict.fromkeys((*like, *unlike)))
        condition = self._condition_within_theme(query, whole)
        index = FilteredIndex.of(self.snapshot, condition, excluded, text=query.text)
        if not (query.text or like):
            return Answer(query, index, None, start)
        if whole and whole.leg_input:
            return Answer(query, index, replace(whole.leg_input, lexical=None), start)
        return Answer(query, index, build_leg_input(index, self.embedders, query, (like, unlike)), start)

    def condition(self, query: Query) -> AllOf:
        """Returns the filter of a query as one condition, with the papers of persons that it names."""
        condition = query.filter.condition
        if not names_person(condition):
            return condition
        from search.people.conditions import resolve_persons

        return AllOf((resolve_persons(self.snapshot, condition, self.corrections),))

    def themes(self, answer: Answer) -> "Themes":
        """Returns the themes of an answer; two searches that differ in theme, order and page have the same."""
        from search.themes.themes import Themes

        query = replace(answer.query.unpaged, verbatim=False)
        find = lambda: Themes.find(answer.relevant_set(query.text))  # noqa: E731
        return self.theme_cache.get((self.snapshot.generation, query), find, lambda: not self.snapshot.notices)

    def _condition_within_theme(self, query: Query, whole: Answer | None) -> AllOf:
        """Returns the filter of a query and its theme as one condition."""
        condition = self.condition(query)
        if not query.theme:
            return condition
        themes = self.themes(whole or self.answer(query.unpaged))
        rows = themes.grouping.rows_of(query.theme)
        return AllOf((*condition.parts, InRows(tuple(np.sort(rows).tolist()), query.theme)))

    def parse(self, box: str, query: Query) -> "tuple[ParsedQuery, Query]":
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

    def _with_words_of_mode(self, query: Query) -> Query:
        """Strips the text, and removes it in lexical mode if it has no words and conditions alone select papers."""
        text = strip_control_characters(query.text)
        if query.mode == "lexical" and query.filter.condition.parts and not self.snapshot.lexicon.terms(text):
            text = ""
        return query if text == query.text else replace(query, text=text)


def _without_example(query: Query) -> InvalidValue:
    if query.unlike:
        return InvalidValue(
            "unlike", ", ".join(query.unlike), "add a query, or example papers that results should be similar to"
        )
    return InvalidValue("text", query.text, "the text is empty; paste an abstract of at least one word")
