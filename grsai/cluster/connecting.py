"""How the command reaches a cluster: the client of Dask, and workers of its own on this machine."""

from __future__ import annotations

import contextlib
import logging
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import IO, Any

from ..errors import Refused, WrongSetting
from ..settings import Settings, environment_with
from .place import Place

CONNECT_SECONDS = 15.0
START_SECONDS = 60.0
_CLOSE_SECONDS = 10.0
_LOUD = ("distributed", "distributed.client", "tornado.application")
_ROOT = Path(__file__).resolve().parents[2]  # where the package lies


@contextlib.contextmanager
def connected(place: Place, settings: Settings, *, quiet: bool = False) -> Iterator[Any]:
    """A `distributed.Client` of the cluster, with workers started here where the place says so. `quiet`: Dask says nothing.

    Raises `Refused` where there is none.
    """
    try:
        dask = import_module("distributed")
    except ImportError as error:
        command = f'"{sys.executable}" -m pip install "psycopg[binary]" distributed'
        text = "A cluster needs the package distributed ({why}). Install it: {command}"
        raise WrongSetting(text, why=str(error), command=command) from None
    for name in _LOUD if quiet else ():  # only now: Dask sets their levels when it is loaded
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    with contextlib.ExitStack() as stack:
        address = place.address or stack.enter_context(_started(place.workers, settings))
        if address.startswith("tls:") and dask.Security().get_connection_args("client").get("ssl_context") is None:
            text = (
                "{address} needs certificates, and the settings of Dask name none: distributed.comm.tls.ca-file, and client.cert"
                " and client.key beside it."
            )
            raise Refused(text, address=address)
        try:
            client = dask.Client(address, timeout=CONNECT_SECONDS, name="grsai", set_as_default=False)
        except (OSError, RuntimeError, TypeError, ValueError) as error:
            text = "No scheduler answers at {address}: {why}. Start one with dask scheduler, or correct --cluster."
            raise Refused(text, address=address, why=str(error) or type(error).__name__) from None
        stack.callback(client.close, timeout=2)
        yield client


@contextlib.contextmanager
def _started(count: int, settings: Settings) -> Iterator[str]:
    """The address of a scheduler with so many workers, which end with this process, however that ends.

    They are in a group of their own, so that Ctrl+C reaches the command alone.
    """
    key = settings.require_key().reveal()
    environment = environment_with(GRSAI_API_KEY=key, GRSAI_BASE_URL=settings.base_url)
    environment["PYTHONPATH"] = f"{_ROOT}{';' if sys.platform == 'win32' else ':'}{environment.get('PYTHONPATH', '')}"
    apart: dict[str, Any] = {"creationflags": 0x200} if sys.platform == "win32" else {"start_new_session": True}
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(
            [sys.executable, "-m", "grsai.cluster.local", str(count)],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=said,
            **apart,
        )
        assert process.stdin is not None and process.stdout is not None
        try:
            address = process.stdout.readline().decode().strip()
            if not address:
                raise Refused("The workers could not be started: {why}", why=_last_line(said))
            yield address
        finally:
            with contextlib.suppress(OSError):
                process.stdin.close()  # by which it knows that it is to end
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_CLOSE_SECONDS)
            process.stdout.close()


def _last_line(file: IO[bytes]) -> str:
    file.seek(0)
    lines = file.read().decode("utf-8", "replace").strip().splitlines()
    return lines[-1] if lines else "no reason given"
