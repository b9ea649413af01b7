"""Edits within a mask: the model sees a cut, and what it made is pasted back. All other pixels stay, bit for bit."""

from __future__ import annotations

from .beside import PLAIN as PLAIN
from .beside import is_edit as is_edit
from .beside import outline_of as outline_of
from .beside import shown_of as shown_of
from .edit import Edit as Edit
from .edit import PastedFile as PastedFile
from .edit import edits_of as edits_of
from .options import MaskOptions as MaskOptions
from .options import mask_options_of as mask_options_of
from .reading import ALPHA as ALPHA
from .reading import Mask as Mask
from .reading import Masked as Masked
from .reading import MaskFile as MaskFile
from .reading import Original as Original
from .reading import check_mask_size as check_mask_size
