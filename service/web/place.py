"""The place of a paper among the themes of the papers that are similar to it."""

import numpy as np

from search.themes.themes import OTHERS
from service.web.html import SearchForm, render_template
from service.web.urls import PageUrl
from service.web.viewer import Viewer

_NEAREST = 10
"""Most similar papers, of whose themes the most frequent one is that of the paper."""


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
    paper = viewer.session.paper(paper_id)
    themes = viewer.session.themes("", like=(paper.id,))
    grouping = themes.grouping
    size = sum(label != OTHERS for label in grouping.labels)
    counts = np.bincount(grouping.numbers[:_NEAREST], minlength=size)[:size]
    if not counts.any():
        return ""
    label = grouping.labels[int(np.argmax(counts))]
    url = PageUrl("/", (("like", paper.id),))
    return render_template(
        "place.html",
        None,
        SearchForm(),
        label=label,
        papers=len(grouping.rows_of(label)),
        href=str(url.include_param("theme", label)),
    )
