"""The navigation between the views of one answer."""

from service.web.urls import PageUrl
from service.web.views import VIEWS, View, view_links
from web_pages import query_pairs

TWO_VIEWS = (View("Papers", "/"), View("Years", "/years"))
URL = PageUrl("/years", (("q", "kv cache"), ("category", "cs.CL"), ("category", "cs.IR"), ("cursor", "abc")))


def test_links_keep_the_parameters_of_the_query_and_start_at_the_first_page() -> None:
    papers, years = view_links(URL, TWO_VIEWS)
    assert (papers.label, papers.is_current, years.is_current) == ("Papers", False, True)
    assert papers.href.startswith("/?")
    for link in (papers, years):
        assert query_pairs(link.href) == {("q", "kv cache"), ("category", "cs.CL"), ("category", "cs.IR")}


def test_paths_of_views_differ() -> None:
    assert len({view.path for view in VIEWS}) == len(VIEWS)


def test_a_single_view_has_no_navigation() -> None:
    assert view_links(PageUrl("/"), TWO_VIEWS[:1]) == ()
