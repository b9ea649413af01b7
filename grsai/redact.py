"""One redaction for everything that is said or written: logs, exceptions, reports, ledger."""

from __future__ import annotations

import logging
import re

HIDDEN = "***"

# Each secret's shape, and where it is seen.
_SHAPES = tuple(
    re.compile(shape, re.IGNORECASE)
    for shape in (
        r"(?<![0-9a-z])sk-[0-9a-z_\-]{16,}",  # the key itself, anywhere
        r"(?<=bearer )[^\s\"',}]+",  # Authorization header
        r"(?<=apikey=)[^&\s\"']+",  # query of /client/common/getCredits
        r"(?<=apikey\":)\s*\"[^\"]*\"",  # body of getAPIKeyCredits
        r"(?<=token=)[^&\s\"']+",  # signed storage URLs
        r"(?<=signature=)[^&\s\"']+",
        r"(?<=token\":)\s*\"[^\"]*\"",  # body of an upload ticket
        r"(?<=;base64,)[^\s\"',}]+",  # a picture that goes along within a request
        r"(?<![\w\-])[\w\-]{8,}:[\w\-]{16,}=*:[\w\-+/]{24,}=*",  # Qiniu upload token: access key, signature, policy
    )
)
_IN_ADDRESSES = tuple(  # of databases: what stands before the password, and the password
    re.compile(shape, re.IGNORECASE)
    for shape in (
        r"(postgres(?:ql)?://[^\s:@/?]*:)[^\s\"'<>]*(?=@)",
        r"((?<![\w\-])password\s*=\s*)(?:'(?:[^'\\]|\\.)*'|[^&\s\"']+)",
    )
)


def redact(text: str, *secrets: str) -> str:
    """`text` without keys, upload tokens and signatures; `secrets` are hidden whatever their shape."""
    for secret in secrets:
        if secret:
            text = text.replace(secret, HIDDEN)
    for shape in _SHAPES:
        text = shape.sub(HIDDEN, text)
    for shape in _IN_ADDRESSES:
        text = shape.sub(rf"\g<1>{HIDDEN}", text)
    return text


class Redaction(logging.Filter):
    """A log filter that keeps every record and hides its secrets."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = redact(record.getMessage()), ()
        return True


def guard_http_logs() -> None:
    """Hides the key in urllib3's debug lines, which show whole URLs. May be called many times."""
    for name in ("urllib3.connectionpool", "urllib3.util.retry"):
        logger = logging.getLogger(name)
        if not any(isinstance(each, Redaction) for each in logger.filters):
            logger.addFilter(Redaction())
