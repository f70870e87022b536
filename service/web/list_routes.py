"""Routes of stars and lists, and of selected papers."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi import Query as Parameter
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from search.errors import InvalidValue, PaperNotFound
from search.papers.paper import Paper
from search.query.counts import format_count
from search.query.query import MAX_EXAMPLES
from service.formats import MEDIA_TYPES, RenderOptions, parse_format, render_page
from service.state.lists import STARRED, ListEntry, Lists
from service.state.names import parse_name
from service.state.rendering import entries_page
from service.web.forms import FormDependency, is_own_path, require_own_page
from service.web.html import MAX_SELECTED
from service.web.lists import choose_list_page, list_page, lists_page
from service.web.recommend import recommend_page
from service.web.references import read_references
from service.web.responses import PageRoute, see_other
from service.web.urls import PageUrl, list_url
from service.web.viewer import Viewer, ViewerDependency

router = APIRouter(route_class=PageRoute, include_in_schema=False)
_FROM_OWN_PAGE = [Depends(require_own_page)]


class ListPageRequest(BaseModel):
    """Parameters of the page of a list.

    Attributes:
        page: the part of the list to show, from 1.
    """

    model_config = ConfigDict(extra="forbid")

    page: int = Field(1, ge=1, le=1_000)


class RecommendPageRequest(BaseModel):
    """Parameters of the page of recommendations.

    Attributes:
        list: the list; empty for that of the stars.
        added_from: since when the papers are in the index.
        more: whether to show more papers.
    """

    model_config = ConfigDict(extra="forbid")

    list: str = ""
    added_from: str = ""
    more: bool = False


class SelectionRequest(BaseModel):
    """Selected papers, and what to do with them.

    Attributes:
        id: their IDs in the order in which they were selected.
        do: ``export``, ``similar``, or ``list`` to add them to a list.
        format: the format of an export.
        back: the page.
    """

    model_config = ConfigDict(extra="forbid")

    id: list[str] = Field([])
    do: str = "list"
    format: str = "bibtex"
    back: str = "/"


@router.get("/lists")
def all_lists(viewer: ViewerDependency) -> Response:
    """All lists of the viewer."""
    return viewer.respond(lists_page(viewer))


@router.get("/lists/{name}")
def one_list(
    request: Request, viewer: ViewerDependency, name: str, params: Annotated[ListPageRequest, Parameter()]
) -> Response:
    """The papers of a list."""
    return viewer.respond(list_page(viewer, PageUrl.from_request(request), parse_name(name, "list"), params.page))


@router.get("/recommend")
def recommend(
    request: Request, viewer: ViewerDependency, params: Annotated[RecommendPageRequest, Parameter()]
) -> Response:
    """Papers near those of a list."""
    url = PageUrl.from_request(request)
    return viewer.respond(recommend_page(viewer, url, params.list, params.added_from, more=params.more))


@router.get("/selection")
def selection(viewer: ViewerDependency, params: Annotated[SelectionRequest, Parameter()]) -> Response:
    """Exports the selected papers, searches for similar ones, or shows the lists that they can be added to."""
    return _use_selection(viewer, params)


@router.post("/selection", dependencies=_FROM_OWN_PAGE)
def submit_selection(viewer: ViewerDependency, form: FormDependency) -> Response:
    """Adds papers to a list, which is created if it is missing; without a list, does what GET does.

    The bar of the selection submits its papers here, because a URL may be too short for them.
    """
    ids = form.get_all("id")
    if not form.get_all("name"):
        params = {name: form.get(name) for name in ("do", "format", "back") if form.get(name)}
        return _use_selection(viewer, SelectionRequest(id=ids, **params))
    name = parse_name(form.get("name"), "list")
    added = _lists_to_change(viewer).add(name, ids, viewer.session)
    count = format_count(added)
    notice = f"{count} added to “{name}”." if added else f"Already on “{name}”."
    return viewer.redirect(form.back(list_url(name)), notice)


@router.post("/star", dependencies=_FROM_OWN_PAGE)
def star(viewer: ViewerDependency, form: FormDependency) -> Response:
    """Gives a paper a star, or takes its star away."""
    lists = _lists_to_change(viewer)
    if form.get("add"):
        lists.add(STARRED, [form.get("add")], viewer.session)
    else:
        lists.remove(STARRED, [form.get("remove")], viewer.session)
    return viewer.redirect(form.back("/lists/starred"), "Starred." if form.get("add") else "Star removed.")


@router.post("/lists", dependencies=_FROM_OWN_PAGE)
def create_list(viewer: ViewerDependency, form: FormDependency) -> Response:
    """Creates an empty list."""
    name = parse_name(form.get("name"), "list")
    _lists_to_change(viewer).add_papers(name, [])
    return viewer.redirect(list_url(name))


@router.post("/lists/{name}/remove", dependencies=_FROM_OWN_PAGE)
def remove(viewer: ViewerDependency, name: str, form: FormDependency) -> Response:
    """Removes a paper from a list."""
    viewer.lists.remove(name, [form.get("id")], viewer.session)
    return viewer.redirect(form.back(list_url(name)), f"Removed from “{name}”.")


@router.post("/lists/{name}/note", dependencies=_FROM_OWN_PAGE)
def note(viewer: ViewerDependency, name: str, form: FormDependency) -> Response:
    """Sets the note on a paper, which is added to the list if it is not on it."""
    lists, paper_id = _lists_to_change(viewer), form.get("id")
    lists.add_papers(name, [_find_paper(viewer, lists, name, paper_id)], note=form.get("note"))
    return viewer.redirect(form.back(list_url(name)), "Note saved." if form.get("note").strip() else "Note removed.")


@router.post("/lists/{name}/import", dependencies=_FROM_OWN_PAGE)
def import_(viewer: ViewerDependency, name: str, form: FormDependency) -> Response:
    """Adds the papers of a file, or of pasted text, to a list."""
    references = read_references(form, viewer.session)
    added = _lists_to_change(viewer).add_papers(name, references.papers)
    return viewer.redirect(list_url(name), references.describe(added, name))


@router.post("/lists/{name}/rename", dependencies=_FROM_OWN_PAGE)
def rename(viewer: ViewerDependency, name: str, form: FormDependency) -> Response:
    """Renames a list."""
    new_name = parse_name(form.get("name"), "list")
    viewer.lists.rename(name, new_name)
    return viewer.redirect(list_url(new_name))


@router.post("/lists/{name}/delete", dependencies=_FROM_OWN_PAGE)
def delete(viewer: ViewerDependency, name: str, _form: FormDependency) -> Response:
    """Deletes a list."""
    viewer.lists.delete(name)
    return viewer.redirect("/lists", f"List “{name}” deleted.")


def _use_selection(viewer: Viewer, params: SelectionRequest) -> Response:
    ids = list(dict.fromkeys(params.id))
    if not ids:
        raise InvalidValue("id", "", "select at least one paper")
    most = MAX_EXAMPLES if params.do == "similar" else MAX_SELECTED
    if len(ids) > most:
        purpose = " to find similar ones" if params.do == "similar" else ""
        raise InvalidValue("id", f"{len(ids)} papers", f"select at most {most}{purpose}")
    if params.do == "similar":
        return see_other(str(PageUrl("/", tuple(("like", each) for each in ids))))
    if params.do == "export":
        return _export(viewer, ids, params.format)
    return viewer.respond(choose_list_page(viewer, ids, params.back if is_own_path(params.back) else "/"))


def _export(viewer: Viewer, ids: list[str], format_name: str) -> Response:
    """Returns the selected papers as a file, in the order in which they were selected."""
    output_format = parse_format(format_name)
    entries = [ListEntry(viewer.session.paper(each), "", "", in_index=True) for each in ids]
    page = entries_page("of selected papers", entries, viewer.session.generation)
    content = render_page(output_format, page, RenderOptions(feed_key="\n".join(ids)))
    media = MEDIA_TYPES[output_format]
    headers = {"Content-Type": media.content_type}
    if media.extension:
        headers["Content-Disposition"] = f'attachment; filename="papers.{media.extension}"'
    return Response(content, headers=headers)


def _find_paper(viewer: Viewer, lists: Lists, name: str, paper_id: str) -> Paper:
    """Returns a paper of the index, or one that is only on a list.

    Raises:
        PaperNotFound: it is neither.
    """
    try:
        return viewer.session.paper(paper_id)
    except PaperNotFound:
        for entry in lists.entries(name):
            if paper_id in entry.paper.ids:
                return entry.paper
        raise


def _lists_to_change(viewer: Viewer) -> Lists:
    return Lists(viewer.access.state, viewer.access.to_change())
