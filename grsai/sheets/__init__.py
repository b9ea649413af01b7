"""Sheets: a row a picture, what each row leaves open, and the same rows back with what came of them."""

from __future__ import annotations

from .back import DONE as DONE
from .back import Back as Back
from .back import write_finished as write_finished
from .company import key as key
from .company import with_alpha as with_alpha
from .company import with_masks as with_masks
from .company import with_pictures as with_pictures
from .company import with_texts as with_texts
from .partners import TEXT_SUFFIX as TEXT_SUFFIX
from .partners import partners as partners
from .partners import text_files as text_files
from .planning import Given as Given
from .planning import Planned as Planned
from .planning import planned as planned
from .reading import KIND_OF as KIND_OF
from .reading import read_sheet as read_sheet
from .sheet import Row as Row
from .sheet import Sheet as Sheet
from .wishes import Wish as Wish
from .wishes import beside as beside
from .wishes import read_each as read_each
from .wishes import wishes_of as wishes_of
