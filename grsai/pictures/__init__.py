"""Pictures on their way in and out: which files are pictures, what goes up, and whether what came back is whole."""

from .folder import SUFFIXES as SUFFIXES
from .folder import Found as Found
from .folder import LeftOut as LeftOut
from .folder import list_pictures as list_pictures
from .folder import look_at as look_at
from .folder import natural as natural
from .metadata import WithMetadata as WithMetadata
from .reading import MAX_PIXELS as MAX_PIXELS
from .reading import check_size as check_size
from .reading import on_white as on_white
from .reading import picture as picture
from .reading import thumbnail as thumbnail
from .reading import upright as upright
from .reference import MAX_UPLOAD_BYTES as MAX_UPLOAD_BYTES
from .reference import Encoded as Encoded
from .reference import Read as Read
from .reference import Reference as Reference
from .reference import encode as encode
from .reference import lighter as lighter
from .reference import read_all as read_all
from .result import check_result as check_result
from .result import is_page as is_page
from .result import kept_as_it_came as kept_as_it_came
from .result import suffix_of as suffix_of
