"""Who asks in the tests of the client, and servers that only a socket can be: what they all share."""

from __future__ import annotations

import contextlib
import os
import socket
import struct
import threading
from collections.abc import Iterator
from typing import Any

from grsai.client import GrsaiClient
from grsai.settings import Settings, load

KEY = "sk-" + "0123456789abcdef" * 2
TASK = "14-5f3cf761-a4bb-486a-8016-77f490998f80"
OK = {"code": 0, "msg": "success"}


@contextlib.contextmanager
def listening(answer: Any) -> Iterator[str]:
    """A bare TCP server: `answer(connection)` is called for each connection. Yields host and port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    with connection, contextlib.suppress(OSError):
                        answer(connection)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"127.0.0.1:{listener.getsockname()[1]}"
        with contextlib.suppress(OSError):  # Windows wakes the thread by the closing alone
            listener.shutdown(socket.SHUT_RDWR)
    thread.join(5)


def settings_for(url: str, **arguments: Any) -> Settings:
    given = {"api_key": KEY, "base_url": url, "connect_seconds": 2, "read_seconds": 2, **arguments}
    return load(given, environment={})


def submit(client: GrsaiClient, **options: Any) -> str:
    given = {"model": "nano-banana-fast", "prompt": "a banana", "urls": [], "aspect_ratio": "auto", "image_size": None, **options}
    return client.submit(**given)


def hang_up(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("hh" if os.name == "nt" else "ii", 1, 0))
