"""Mail: sends a digest through the SMTP server of the settings (docs/settings.md)."""

import os
import smtplib
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import formatdate, getaddresses, make_msgid
from typing import Literal, Self, cast, get_args

from search.errors import InvalidValue, PapersError

Encryption = Literal["starttls", "tls", "none"]
_DEFAULT_PORTS: dict[Encryption, int] = {"starttls": 587, "tls": 465, "none": 25}
"""Ports of message submission (RFC 6409), of submission in TLS (RFC 8314) and of SMTP (RFC 5321)."""
_TIMEOUT_S = 60
"""Seconds to wait for each answer of the server."""


class MailNotSent(PapersError):
    """The server did not accept a mail, or cannot be reached."""


@dataclass(frozen=True, slots=True)
class MailSettings:
    """How to send mail.

    Attributes:
        host: the SMTP server.
        port: its port.
        encryption: ``starttls`` encrypts after the greeting, ``tls`` from the start; ``none`` is for this machine.
        user: the name to log in with; empty to send without a login.
        password: its password.
        sender: the address that mail comes from.
    """

    host: str
    port: int
    encryption: Encryption
    user: str
    password: str
    sender: str

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Self:
        """Reads ``PAPERS_SMTP_HOST``, ``_PORT``, ``_TLS``, ``_USER``, ``_PASSWORD`` and ``_FROM``.

        Raises:
            InvalidValue: a setting is missing or invalid.
        """

        def read(name: str) -> str:
            return environment.get(f"PAPERS_SMTP_{name}", "").strip()

        host, user, encryption = read("HOST"), read("USER"), read("TLS") or "starttls"
        if not host:
            raise InvalidValue(
                "PAPERS_SMTP_HOST", "", "set it to the server that sends your mail; see docs/following.md"
            )
        if encryption not in get_args(Encryption):
            raise InvalidValue("PAPERS_SMTP_TLS", encryption, f"choose one of {', '.join(get_args(Encryption))}")
        chosen = cast("Encryption", encryption)
        port = read("PORT") or str(_DEFAULT_PORTS[chosen])
        if not (port.isascii() and port.isdigit() and 0 < int(port) < 65_536):
            raise InvalidValue("PAPERS_SMTP_PORT", port, "give a port from 1 to 65535")
        sender = read("FROM") or user
        return cls(host, int(port), chosen, user, read("PASSWORD"), parse_address(sender, "PAPERS_SMTP_FROM"))


def parse_address(text: str, field: str) -> str:
    """Returns the address in a text such as ``Anna <anna@example.org>``.

    Raises:
        InvalidValue: there is none.
    """
    addresses = getaddresses([text]) if text.isprintable() else []
    address = addresses[0][1] if len(addresses) == 1 else ""
    local, at, domain = address.rpartition("@")
    if not (local and at and domain) or " " in address:
        raise InvalidValue(field, text, "give one mail address such as anna@example.org")
    return address


def send_mail(settings: MailSettings, recipient: str, subject: str, text: str, html: str) -> None:
    """Sends a mail with a plain text and an HTML version.

    Raises:
        MailNotSent: the server cannot be reached or does not accept it.
    """
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = settings.sender, recipient, subject
    message["Date"] = formatdate(localtime=True)
    message["Message-ID"] = make_msgid(domain=settings.sender.rpartition("@")[2])
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office replies
    message.set_content(text)
    message.add_alternative(html, subtype="html")
    try:
        with _connect(settings) as server:
            if settings.encryption == "starttls":
                server.starttls(context=ssl.create_default_context())
            if settings.user:
                server.login(settings.user, settings.password)
            server.send_message(message)
    except (OSError, smtplib.SMTPException) as error:  # ssl.SSLError is an OSError
        place = f"{settings.host}:{settings.port}"
        raise MailNotSent(f"no mail sent to {recipient} through {place}: {_reason(error)}") from error


def _connect(settings: MailSettings) -> smtplib.SMTP:
    if settings.encryption == "tls":
        context = ssl.create_default_context()
        return smtplib.SMTP_SSL(settings.host, settings.port, timeout=_TIMEOUT_S, context=context)
    return smtplib.SMTP(settings.host, settings.port, timeout=_TIMEOUT_S)


def _reason(error: Exception) -> str:
    if isinstance(error, smtplib.SMTPResponseException):
        answer = error.smtp_error
        return f"{error.smtp_code} {answer.decode('utf-8', 'replace') if isinstance(answer, bytes) else answer}"
    return str(error)
