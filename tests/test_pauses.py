"""A large request pauses for others, and while it does, it keeps none of them waiting."""

import threading

from search import budget
from search.query.query import Query
from search.searcher import Searcher


class OthersRun(threading.Event):
    """Reports that others run, and while a request pauses for them, answers one question in another thread.

    Attributes:
        answered: whether each question was answered during its pause.
    """

    def __init__(self, searcher: Searcher, query: Query) -> None:
        super().__init__()
        self._searcher, self._query = searcher, query
        self.answered: list[bool] = []

    def wait(self, timeout: float | None = None) -> bool:
        assert timeout is not None
        other = threading.Thread(target=self._searcher.ask, args=("sparse attention", self._query), daemon=True)
        other.start()
        other.join(20)
        self.answered.append(not other.is_alive())
        return False


def test_others_are_answered_while_a_request_pauses(random_searcher: Searcher) -> None:
    query = Query(facets=True)
    others = OthersRun(random_searcher, query)
    with budget.use_budget(budget.Budget(600, others)):
        random_searcher.ask("graph attention", query)
    assert len(others.answered) > 5
    assert all(others.answered)
