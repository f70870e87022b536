"""CategorySuggester: completes the names of categories. Those of authors are not completed from a collection."""

from collections import Counter
from collections.abc import Mapping

from search.columns.suggestions import MAX_SUGGESTIONS, matching_categories
from search.errors import InvalidValue
from search.papers.categories import ARCHIVES, CATEGORIES, find_category_name
from search.papers.names import MAX_NAME_LENGTH
from search.query.suggestions import CategoryCount, Suggestions


class CategorySuggester:
    """Suggests categories (``search.index.backend.NameSuggester``).

    Args:
        papers: the number of papers of each code.
    """

    def __init__(self, papers: Mapping[str, int]) -> None:
        official = {code.casefold(): code for code in (*CATEGORIES, *ARCHIVES)}
        counts: Counter[str] = Counter()
        spellings = {code.casefold(): official.get(code.casefold(), code) for code in papers}
        for code, number in papers.items():
            counts[spellings[code.casefold()]] += number
        found = (CategoryCount(code, find_category_name(code), number) for code, number in counts.items() if number > 0)
        self.categories = tuple(sorted(found, key=lambda each: (-each.papers, each.code)))

    def suggest(self, text: str, limit: int) -> Suggestions:
        """See ``NameSuggester``."""
        if not 1 <= limit <= MAX_SUGGESTIONS:
            raise InvalidValue("limit", limit, f"give a whole number from 1 to {MAX_SUGGESTIONS}")
        if len(text) > MAX_NAME_LENGTH:
            raise InvalidValue("q", text, f"give a name prefix of at most {MAX_NAME_LENGTH} characters")
        return Suggestions((), matching_categories(self.categories, text, limit))
