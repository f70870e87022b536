"""Routes of the forms that correct who is who among the people behind one name."""

from fastapi import APIRouter, Depends
from fastapi.responses import Response

from service.state.person_statements import PersonStatements
from service.web.forms import Form, FormDependency, require_own_page
from service.web.responses import PageRoute
from service.web.urls import PageUrl
from service.web.viewer import Viewer, ViewerDependency

router = APIRouter(route_class=PageRoute, include_in_schema=False)
_FROM_OWN_PAGE = [Depends(require_own_page)]


@router.post("/author/same", dependencies=_FROM_OWN_PAGE)
def same(viewer: ViewerDependency, form: FormDependency) -> Response:
    """States that two papers, and so the two people, are one."""
    paper, other = _papers(viewer, form)
    _statements(viewer).add("same", paper, other)
    return viewer.redirect(form.back(_person_url(form, paper)), "The two are one person now.")


@router.post("/author/different", dependencies=_FROM_OWN_PAGE)
def different(viewer: ViewerDependency, form: FormDependency) -> Response:
    """States that a paper is not by a person."""
    paper, other = _papers(viewer, form)
    _statements(viewer).add("different", paper, other)
    return viewer.redirect(_person_url(form, other), "The paper is no longer among those of this person.")


@router.post("/author/undo", dependencies=_FROM_OWN_PAGE)
def undo(viewer: ViewerDependency, form: FormDependency) -> Response:
    """Withdraws a statement."""
    _statements(viewer).withdraw(form.get("paper"), form.get("other"))
    return viewer.redirect(form.back(_person_url(form, form.get("other"))), "The correction is undone.")


def _papers(viewer: Viewer, form: Form) -> tuple[str, str]:
    """Returns the public IDs of both papers; of several for the second, the first that differs.

    Raises:
        PaperNotFound: a paper is not in the index.
    """
    paper = viewer.session.paper(form.get("paper")).id
    others = [viewer.session.paper(each).id for each in form.get_all("other") if each]
    return paper, next((each for each in others if each != paper), paper)


def _person_url(form: Form, paper: str) -> str:
    return str(PageUrl("/author", (("name", form.get("name")), ("person", paper))))


def _statements(viewer: Viewer) -> PersonStatements:
    return PersonStatements(viewer.access.state, viewer.access.to_change())
