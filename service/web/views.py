"""Views: the pages that show one answer, each in its own way."""

from dataclasses import dataclass

from service.web.urls import PageUrl


@dataclass(frozen=True, slots=True)
class View:
    """A page that shows the answer to a query.

    Attributes:
        label: as the navigation shows it.
        path: its path; it reads the parameters of the query.
    """

    label: str
    path: str


@dataclass(frozen=True, slots=True)
class ViewLink:
    """A link to a view of the present query."""

    label: str
    href: str
    is_current: bool


VIEWS = (
    View("Papers", "/"),
    View("Themes", "/themes"),
    View("Map", "/map"),
    View("Trends", "/trends"),
    View("People", "/people"),
)
"""All views, in the order of the navigation."""


_PARAMS_OF_ONE_VIEW = ("show", "more", "per", "measure")
"""Parameters that say how one of the views shows the answer."""


def view_links(url: PageUrl, views: tuple[View, ...] = VIEWS) -> tuple[ViewLink, ...]:
    """Returns a link to every view of a query; none if there is only one view.

    Args:
        url: the page at present; its parameters are those of the query.
        views: the views.
    """
    if len(views) < 2:
        return ()
    for name in _PARAMS_OF_ONE_VIEW:
        url = url.remove_param(name)
    return tuple(ViewLink(view.label, str(url.with_path(view.path)), view.path == url.path) for view in views)
