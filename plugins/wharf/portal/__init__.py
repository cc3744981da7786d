"""The portal: static pages of released products. Server-built, nothing foreign loaded.

A page is staged aside and released by renaming; a reader never sees half of one. What a page
says about its inputs comes from the manifest alone.
"""

from wharf.portal.content import InputState, PageContent, TableState
from wharf.portal.pages import stage_page
from wharf.portal.release import release_page

__all__ = ["InputState", "PageContent", "TableState", "release_page", "stage_page"]
