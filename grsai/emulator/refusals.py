"""How the service says no: whole replies that come instead of any processing, and words that each generation says its own way."""

from __future__ import annotations

import json
from collections.abc import Mapping

HTML = "<!DOCTYPE html><html><head><title>{0}</title></head><body><center><h1>{0}</h1></center></body></html>"
LOGIN = (
    "<!DOCTYPE html><html><head><title>Sign in to the network</title></head><body><form action='/login' method='post'>"
    "<input name='room'><input name='password' type='password'><button>Sign in</button></form></body></html>"
)
JSON_TYPE, HTML_TYPE = "application/json", "text/html"
MAINTENANCE = "model maintenance"
CLOSED = "model closed"  # chosen
LIMITED = "Upstream rate limit exceeded"
NO_CREDITS, NO_KEY_CREDITS = "insufficient credits", "apikey credits not enough"


def page(title: str) -> str:
    return HTML.format(title)


PLAIN: Mapping[str, tuple[int, str, str]] = {  # fault kind → status, content type, body
    "http_500": (500, "text/plain", "Internal Server Error"),
    "http_502_html": (502, HTML_TYPE, page("502 Bad Gateway")),
    "http_504_html": (504, HTML_TYPE, page("504 Gateway Time-out")),
    "http_413": (413, HTML_TYPE, page("413 Request Entity Too Large")),
    "http_429": (429, JSON_TYPE, json.dumps({"code": -1, "data": None, "msg": LIMITED})),
    "http_429_retry_after": (429, JSON_TYPE, json.dumps({"code": -1, "data": None, "msg": LIMITED})),
    "http_402_quota": (402, JSON_TYPE, json.dumps({"error": {"message": "insufficient quota", "type": "insufficient_quota"}})),
    "http_403_balance": (403, JSON_TYPE, json.dumps({"code": 30001, "message": "account balance is insufficient", "data": None})),
    "http_429_quota": (429, JSON_TYPE, json.dumps({"error": {"message": "You exceeded your current quota", "code": 429}})),
    "html_200": (200, HTML_TYPE, page("Under construction")),
    "empty_200": (200, JSON_TYPE, ""),
    "bad_json": (200, JSON_TYPE, '{"code":0,"msg":"success","data":{"id":"14-'),
    "not_found": (404, HTML_TYPE, page("404 Not Found")),
    "portal_200": (200, HTML_TYPE, LOGIN),
    "portal_511": (511, HTML_TYPE, LOGIN),
}

REFUSALS: Mapping[str, tuple[int, str]] = {  # fault kind → code of the legacy generation, message
    "key_refused": (-1, "apikey error"),
    "out_of_credits": (-1, NO_CREDITS),
    "out_of_key_credits": (-1, NO_KEY_CREDITS),
    "no_money": (-1, "余额不足"),
    "no_points": (-1, "积分不足，请充值"),
    "no_balance": (-1, "account balance is insufficient"),
    "no_quota": (-1, "insufficient quota"),
    "too_frequent": (-1, "请求过于频繁"),
    "later": (-1, "请稍后再试"),
    "busy": (-1, "系统繁忙"),
    "maintenance": (-1, MAINTENANCE),
    "model_closed": (-1, CLOSED),
    "refused": (-1, "not today"),  # for words of one's own: Fault(…, text="…")
    "escapes": (-1, "\x1b[2J\x1b]0;owned\x07no\r\x1b[31mway\x9b1m\u202eyaw on"),
    "long_text": (-1, "no " * 400_000),
    "unparsable": (-4, "parse body error"),
    "no_such_task": (-22, "task not exist"),
}


class Refused(Exception):
    """The service says no. `code` is the legacy generation's; `status` stands for both if it is not 200."""

    def __init__(self, code: int, message: str, *, status: int = 200, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status
        self.headers = headers
