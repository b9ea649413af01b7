"""Threads of our own, and who waits for them."""

from __future__ import annotations

import asyncio
import threading

from grsai.engine.threads import in_background


def test_work_goes_on_when_nobody_waits_for_it_any_more() -> None:
    go_on = threading.Event()
    begun = in_background(lambda: go_on.wait(20))

    async def leave() -> None:
        waiting = asyncio.ensure_future(asyncio.wrap_future(begun))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.sleep(0)

    asyncio.run(leave())
    go_on.set()
    assert begun.result(20) is True
