"""What the canvas sees: the extension and its nodes."""

from __future__ import annotations

import logging

from comfy_api.latest import ComfyExtension, io

from . import paths, routes, shutdown
from .batch import BatchBanana
from .folder import LoadBananaFolder
from .generate import NanoBananaGenerate
from .mask_options import GrsaiMaskOptions
from .sheet import LoadBananaSheet
from .upload import GrsaiUpload

_log = logging.getLogger(__name__)


class BananaExtension(ComfyExtension):
    """The pack."""

    async def get_node_list(self) -> list[type[io.ComfyNode]]:
        """Called once, when the pack is loaded; `on_load` is not called by the oldest ComfyUI that is supported."""
        routes.register()
        shutdown.wait_for_answers_at_the_end()
        try:
            paths.place_demo()
        except OSError as error:
            _log.info("the demo's pictures could not be copied: %s", error)
        return [BatchBanana, NanoBananaGenerate, GrsaiUpload, LoadBananaFolder, LoadBananaSheet, GrsaiMaskOptions]
