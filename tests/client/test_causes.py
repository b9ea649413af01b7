"""What a user reads when the network fails: the cause and what to do, at once where trying again cannot help."""

from __future__ import annotations

import contextlib
import importlib.util
import io
import socket
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from grsai.client import GrsaiClient
from grsai.client.connections import issuer_of
from grsai.emulator import Emulator
from grsai.errors import DownloadError, LostReply, RequestRefused, Unreachable
from grsai.pictures import Encoded
from tests.client.caller import TASK, listening, settings_for, submit

CERTIFICATES = Path(__file__).parent / "certificates"  # of nobody: "Acme Web Shield Root" signs for 127.0.0.1
OF_THE_SYSTEM = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR")
FAR = "https://service.invalid"

CALLS: dict[str, Callable[[GrsaiClient], object]] = {
    "ticket": lambda client: client.upload(Encoded(b"\x89PNG", "png")),
    "submit": submit,
    "unified submit": lambda client: submit(client, api="unified"),
    "poll": lambda client: client.poll(TASK),
    "unified poll": lambda client: client.poll(TASK, api="unified"),
    "balance": lambda client: client.balance(),
    "status": lambda client: client.model_status("nano-banana"),
    "list": lambda client: client.model_list(),
}


@pytest.fixture(autouse=True)
def no_settings_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*OF_THE_SYSTEM, "ALL_PROXY", "HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


def refused(call: Callable[[GrsaiClient], object], url: str = FAR, **settings: object) -> Unreachable:
    with GrsaiClient(settings_for(url, **settings)) as client, pytest.raises(Unreachable) as caught:
        call(client)
    assert "Error" not in str(caught.value) and "Invalid" not in str(caught.value), "names of classes say nothing to users"
    return caught.value


@contextlib.contextmanager
def encrypted(name: str) -> Iterator[str]:
    """A server with that certificate. Yields its port."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATES / name)

    def answer(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as secure:
            asked = secure.recv(10_000)
            body = b'{"code":0,"data":{"credits":7}}'
            if asked:
                secure.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)

    with listening(answer) as address:
        yield address.rpartition(":")[2]


# Proxies


@pytest.mark.skipif(importlib.util.find_spec("socks") is not None, reason="PySocks is installed here")
@pytest.mark.parametrize("call", CALLS.values(), ids=list(CALLS))
def test_a_proxy_that_needs_what_is_not_installed_is_told_at_once(monkeypatch: pytest.MonkeyPatch, call) -> None:
    monkeypatch.setenv("ALL_PROXY", "socks5://me:secret@127.0.0.1:9")
    error = refused(call)
    assert "socks5://127.0.0.1:9 needs PySocks" in str(error) and "pip install pysocks" in str(error)
    assert error.lasting


SOCKS = {
    "a login": ([b"\x05\xff"], "wants a name and a password", True),
    "a page": ([b"\x05\x00", b"\x05\x00\x00\x01" + bytes(6), b"<html>log in</html>"], "answers itself in place of", True),
    "nothing": ([b"\x05\x00", b"\x05\x00\x00\x01" + bytes(6)], "cannot be reached over the proxy", False),
    "a no": ([b"\x05\x00", b"\x05\x02\x00\x01" + bytes(6)], "cannot be reached over the proxy", False),
}


@pytest.mark.parametrize("scheme", ["socks5h", "socks"])  # desktops leave the version away
@pytest.mark.parametrize("name", SOCKS)
def test_what_a_socks_proxy_says_is_told(monkeypatch: pytest.MonkeyPatch, scheme: str, name: str) -> None:
    pytest.importorskip("socks")
    says, told, lasting = SOCKS[name]

    def answer(connection: socket.socket) -> None:
        for reply in says:
            connection.recv(10_000)
            connection.sendall(reply)
        connection.recv(10_000)

    with listening(answer) as address:
        monkeypatch.setenv("ALL_PROXY", f"{scheme}://{address}")
        error = refused(submit)
    assert told in str(error) and f"socks5h://{address}" in str(error) and error.lasting is lasting


@pytest.mark.parametrize(
    "proxy",
    [
        "http://127.0.0.1:99999",
        "http://127.0.0.1:port",
        "http://[::1:9",
        "http://",
        "ftp://127.0.0.1:9",
        "“http://127.0.0.1:9”",
        "http://me:pa#ss@127.0.0.1:9",
        "gopher://x",
        "http://exa mple:9",
    ],
)
def test_a_proxy_address_that_is_none_is_named_without_its_password(monkeypatch: pytest.MonkeyPatch, proxy: str) -> None:
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    error = refused(submit)
    assert str(error).startswith("The proxy address ") and "is not valid" in str(error) and "pa#ss" not in str(error)
    assert error.lasting


def test_a_blank_after_the_address_of_a_proxy_does_no_harm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://me:secret@127.0.0.1:9 ")
    error = refused(submit)
    assert "over the proxy http://127.0.0.1:9 (connection refused)" in str(error)
    assert not error.lasting, "its program may be started any moment"


TUNNELS = {
    "407": (b"407 Proxy Authentication Required\r\nProxy-Authenticate: Basic", b"", "wants a name and a password", True),
    "403": (b"403 Forbidden", b"", "does not let us through to service.invalid (HTTP 403)", True),
    "502": (b"502 Bad Gateway", b"", "does not let us through to service.invalid (HTTP 502)", False),
    "a page": (b"200 OK\r\nContent-Type: text/html", b"<html>log in</html>", "answers itself in place of service.invalid", True),
}


@pytest.mark.parametrize("name", TUNNELS)
def test_what_a_proxy_says_is_told(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    head, body, told, lasting = TUNNELS[name]

    def answer(connection: socket.socket) -> None:
        connection.recv(10_000)
        connection.sendall(b"HTTP/1.1 " + head + b"\r\n\r\n" + body)
        connection.recv(10_000)

    with listening(answer) as address:
        monkeypatch.setenv("HTTPS_PROXY", f"http://me:secret@{address}")
        error = refused(submit)
    assert f"The proxy http://{address} {told}" in str(error) and "secret" not in str(error)
    assert error.lasting is lasting


def test_without_the_proxy_its_wrong_address_does_no_harm(monkeypatch: pytest.MonkeyPatch, emulator: Emulator) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://[::1:9")
    assert "proxy http" not in str(refused(submit, proxy=False))


# Certificates


def test_a_certificate_that_is_not_trusted_is_told_with_who_signed_it() -> None:
    with encrypted("server.pem") as port:
        error = refused(submit, f"https://127.0.0.1:{port}")
    assert "certificate of 127.0.0.1 is not trusted" in str(error) and "REQUESTS_CA_BUNDLE" in str(error)
    assert "signed by Acme Web Shield Root, Acme Ltd" in str(error)
    assert error.lasting


@pytest.mark.parametrize("proxy", [True, False])
@pytest.mark.parametrize("name", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"])
def test_the_certificates_that_the_environment_names_are_trusted(name: str, proxy: bool) -> None:
    """In a process of its own: what is trusted is read once."""
    program = (
        "import sys; from grsai.client import GrsaiClient; from grsai.settings import load\n"
        "given = {'api_key': 'sk-' + '0' * 32, 'base_url': sys.argv[1], 'proxy': sys.argv[2]}\n"
        "with GrsaiClient(load(given, environment={})) as client: print(client.credits())\n"
    )
    with encrypted("server.pem") as port:
        done = subprocess.run(
            [sys.executable, "-c", program, f"https://127.0.0.1:{port}", str(proxy)],
            env={name: str(CERTIFICATES / "root.pem"), "PATH": ""},
            cwd=Path(__file__).parents[2],
            capture_output=True,
            text=True,
            timeout=60,
        )
    assert done.stdout.strip() == "7", done.stderr


def test_a_certificate_of_another_host_is_no_matter_of_trust(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(CERTIFICATES / "root.pem"))
    with encrypted("server.pem") as port:
        error = refused(submit, f"https://localhost:{port}")
    assert "is another one's" in str(error) and error.lasting


def test_a_certificate_out_of_date_sends_the_user_to_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(CERTIFICATES / "root.pem"))
    with encrypted("expired.pem") as port:
        error = refused(submit, f"https://127.0.0.1:{port}")
    assert "not valid today" in str(error) and "Check the date" in str(error)


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_a_bundle_that_holds_no_certificates_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: str | None
) -> None:
    bundle = tmp_path / "bundle.pem"
    if content is not None:
        bundle.write_text(content)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(bundle))
    error = refused(submit)
    assert f"REQUESTS_CA_BUNDLE names {bundle}" in str(error) and error.lasting


@pytest.mark.parametrize("certificate", ["server.pem", "root.pem"])
def test_the_issuer_of_a_certificate_is_read(certificate: str) -> None:
    text = (CERTIFICATES / certificate).read_text()
    der = ssl.PEM_cert_to_DER_cert(text[text.index("-----BEGIN CERTIFICATE") :])
    assert issuer_of(der) == "Acme Web Shield Root, Acme Ltd"


def test_a_picture_behind_a_certificate_that_is_not_trusted_is_fetched_once_only(emulator: Emulator) -> None:
    with encrypted("server.pem") as port, GrsaiClient(settings_for(emulator.url)) as client:
        with pytest.raises(DownloadError, match="signed by Acme Web Shield Root") as caught:
            client.download(f"https://127.0.0.1:{port}/a.png", io.BytesIO())
    assert caught.value.lasting


def test_a_picture_whose_address_is_not_encrypted_is_asked_for_encrypted(
    monkeypatch: pytest.MonkeyPatch, emulator: Emulator
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(CERTIFICATES / "root.pem"))
    with encrypted("server.pem") as port, GrsaiClient(settings_for(emulator.url)) as client:
        file = io.BytesIO()
        client.download(f"http://127.1:{port}/a.png", file)  # this machine by a name that is not known as its
    assert file.getvalue() == b'{"code":0,"data":{"credits":7}}'


# Addresses, and this machine


def test_a_name_that_does_not_exist_is_told_as_such() -> None:
    error = refused(submit, "https://grsai.invalid", proxy=False)
    assert "grsai.invalid cannot be reached (its name is not found)" in str(error)


@pytest.mark.parametrize("url", ["https://" + "a" * 70 + ".example", "https://a..b"])
def test_an_address_that_cannot_be_asked_is_told_at_once(url: str) -> None:
    assert isinstance(refused(submit, url, proxy=False), Unreachable)


@pytest.mark.skipif(sys.platform == "win32", reason="only POSIX counts open files so")
def test_a_machine_without_file_handles_does_not_blame_the_service(emulator: Emulator) -> None:
    program = (
        "import resource, sys; from grsai.client import GrsaiClient; from grsai.settings import load\n"
        "from grsai.errors import GrsaiError\n"
        "client = GrsaiClient(load({'api_key': 'sk-' + '0' * 32, 'base_url': sys.argv[1]}, environment={}))\n"
        "try: client.model_status('x')\n"
        "except GrsaiError: pass\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))\n"
        "other = GrsaiClient(load({'api_key': 'sk-' + '0' * 32, 'base_url': sys.argv[1]}, environment={}))\n"
        "try: other.poll('x')\n"
        "except GrsaiError as error: print(type(error).__name__, error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, emulator.url], cwd=Path(__file__).parents[2], capture_output=True, text=True, timeout=60
    )
    assert done.stdout.startswith("Unreachable This computer has no file handle left"), done.stdout + done.stderr


# Another server answers


@pytest.mark.parametrize("call", CALLS.values(), ids=list(CALLS))
@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_tells_where_it_leads(server, call, status: int) -> None:
    server.will_say("<html>log in</html>", status, Location="http://login.hotel.example/?back=1")
    with GrsaiClient(settings_for(server.url)) as client, pytest.raises(RequestRefused) as caught:
        call(client)
    assert f"(HTTP {status}, to http://login.hotel.example)" in str(caught.value)


@pytest.mark.parametrize("location", ["https://[", "//[", "\xff", "http://a:b", ""])
def test_a_redirect_to_nowhere_is_no_other_error(client: GrsaiClient, server, location: str) -> None:
    server.will_say("", 302, Location=location)
    with pytest.raises(RequestRefused, match="HTTP 302"):
        submit(client)


@pytest.mark.parametrize("call", CALLS.values(), ids=list(CALLS))
def test_a_network_that_wants_a_login_is_told_at_once(server, call) -> None:
    server.will_say("<html>log in</html>", 511)
    with GrsaiClient(settings_for(server.url)) as client, pytest.raises(Unreachable, match="log in first") as caught:
        call(client)
    assert caught.value.lasting


def test_a_login_page_is_shown_by_its_words(client: GrsaiClient, server) -> None:
    server.will_say("<html><title>Welcome to HotelWiFi</title><body>Please log in</body></html>")
    with pytest.raises(LostReply, match="login page of your network.*Welcome to HotelWiFi"):
        submit(client)


@pytest.mark.parametrize("body", ["<html>404</html>", "", "404 page not found"])
def test_an_address_without_the_service_is_told(client: GrsaiClient, server, body: str) -> None:
    server.will_say(body, 404)
    with pytest.raises(RequestRefused, match="no such service .*ends before /v1"):
        submit(client)
