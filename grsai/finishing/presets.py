"""What shops ask for, each a row. Users add rows in `grsai.toml`."""

from __future__ import annotations

import types
from collections.abc import Mapping
from typing import Any

# Sizes as the shops recommend them; what they take at most is more in some cases.
PRESETS: Mapping[str, Mapping[str, Any]] = types.MappingProxyType(
    {
        "taobao-main": {"fit": "800x800", "format": "jpg", "max_kb": 500},
        "taobao-portrait": {"fit": "750x1000", "format": "jpg", "max_kb": 500},
        "taobao-detail": {"fit": "790x1185", "fit_how": "contain", "format": "jpg", "max_kb": 500},
        "jd-main": {"fit": "800x800", "format": "jpg", "max_kb": 1000},
        "pinduoduo-main": {"fit": "800x800", "format": "jpg", "max_kb": 1000},
        "douyin-main": {"fit": "1000x1000", "format": "jpg", "max_kb": 1000},
        "xiaohongshu": {"fit": "1080x1440", "format": "jpg", "max_kb": 2000},
        "amazon-main": {"fit": "2000x2000", "fit_how": "pad", "format": "jpg", "max_kb": 5000},
        "shopify": {"fit": "2048x2048", "fit_how": "pad", "format": "jpg", "max_kb": 1000},
        "etsy": {"fit": "2000x2000", "fit_how": "contain", "format": "jpg", "max_kb": 1000},
        "instagram": {"fit": "1080x1350", "format": "jpg", "max_kb": 2000},
        "web": {"fit": "1600x1600", "fit_how": "contain", "format": "webp", "max_kb": 300},
    }
)
