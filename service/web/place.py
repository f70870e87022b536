"""The place of a paper among the themes of the papers that are similar to it."""

import numpy as np

from service.web.html import SearchForm, render_template
from service.web.urls import PageUrl
from service.web.viewer import Viewer


def place_fragment(viewer: Viewer, paper_id: str) -> str:
    """Renders the theme that a paper belongs to, as a part of its page; empty if few papers are similar.

    The themes are those of ``/themes?like=ID``. They take several times as long as the rest of the page, which
    therefore loads this part when it becomes visible.

    Args:
        viewer: whoever looks at the page, with the index that answers.
        paper_id: any ID that the paper has, or ever had.

    Raises:
        PaperNotFound: no paper has, or ever had, this ID.
    """
    snapshot, paper = viewer.session.snapshot, viewer.session.paper(paper_id)
    themes = viewer.session.themes("", like=(paper.id,))
    row = snapshot.find_row(paper.id)
    if not themes.themes or row is None:
        return ""
    centres = themes.grouping.centres
    nearness = centres @ snapshot.vectors.get_vector(row) / np.linalg.norm(centres, axis=1)
    label = themes.grouping.labels[int(np.argmax(nearness))]
    url = PageUrl("/", (("like", paper.id),))
    return render_template(
        "place.html",
        None,
        SearchForm(),
        label=label,
        papers=len(themes.grouping.rows_of(label)),
        href=str(url.include_param("theme", label)),
    )
