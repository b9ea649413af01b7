"""The columns that mean something, under their English and Chinese names; every other one is a variable."""

from __future__ import annotations

import functools
import types
import unicodedata

# What a user may call a column, in any case. The first name is the one that messages use.
_NAMES = types.MappingProxyType(
    {
        "image": ("image", "图片", "原图", "照片"),
        "mask": ("mask", "蒙版", "遮罩"),
        "references": ("references", "参考图", "参考图片"),
        "prompt": ("prompt", "提示词", "提示语"),
        "model": ("model", "模型"),
        "aspect_ratio": ("aspect_ratio", "比例", "宽高比", "画面比例", "长宽比"),
        "image_size": ("image_size", "尺寸", "图片尺寸", "分辨率", "清晰度"),
        "quality": ("quality", "质量", "画质"),
        "background": ("background", "背景"),
        "seed": ("seed", "种子", "随机种子"),
        "count": ("count", "数量", "张数"),
        "name": ("name", "名称", "文件名", "名字"),
    }
)
COLUMNS = tuple(_NAMES)
# What comes back. These columns are ours: read again, they are overwritten, and no variable.
BACK = ("status", "file", "task_id", "credits", "seconds", "error", "finished")


@functools.lru_cache(maxsize=4096)
def plain(name: str) -> str:
    """A name as names are compared: without case, and with one kind of letters and blanks."""
    return "_".join(unicodedata.normalize("NFKC", name).casefold().replace("_", " ").replace("-", " ").split())


_MEANT = types.MappingProxyType({plain(name): column for column, names in _NAMES.items() for name in names})


def column_of(name: str) -> str | None:
    """The column that a header means, one of `COLUMNS` or `BACK`; None for a variable."""
    known = plain(name)
    return known if known in BACK else _MEANT.get(known)
