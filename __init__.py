"""The door to ComfyUI."""

WEB_DIRECTORY = "./web"


async def comfy_entrypoint():
    """ComfyUI calls this. Nothing is imported before: elsewhere there is no ComfyUI to import from."""
    from .nodes import BananaExtension

    return BananaExtension()
