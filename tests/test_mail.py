"""Mail: what a real SMTP server receives, encrypted and with a login, and what is said when it refuses."""

import datetime
import smtplib
import ssl
from collections.abc import Callable, Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Sink
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from cli_call import CommandLine
from search.errors import InvalidValue
from server_process import free_port
from service.state.mail import MailNotSent, MailSettings, send_mail
from test_watches import Library


class Mailbox(Sink):
    """Keeps the messages that it receives.

    Attributes:
        received: the messages with the name that the sender logged in with.
    """

    def __init__(self) -> None:
        super().__init__()
        self.received: list[tuple[EmailMessage, str | None]] = []

    async def handle_RCPT(  # a name of aiosmtpd
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if address.startswith("nobody@"):
            return "550 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: SMTP, session: Session, envelope: Envelope) -> str:
        content = envelope.content
        assert isinstance(content, bytes)
        message = message_from_bytes(content, policy=policy.default)
        assert isinstance(message, EmailMessage)
        data = session.auth_data
        self.received.append((message, data.login.decode() if isinstance(data, LoginPassword) else None))
        return "250 OK"


def check_password(_server: SMTP, _session: Session, _envelope: Envelope, _method: str, data: Any) -> AuthResult:
    return AuthResult(success=data.password == b"secret", handled=False, auth_data=data)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The files of a certificate of 127.0.0.1 and of its key."""
    folder, key, now = tmp_path_factory.mktemp("tls"), ec.generate_private_key(ec.SECP256R1()), datetime.datetime.now()
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=2))
        .not_valid_after(now + datetime.timedelta(days=2))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    paths = folder / "certificate.pem", folder / "key.pem"
    paths[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    encryption = serialization.NoEncryption()
    form = serialization.PrivateFormat.PKCS8
    paths[1].write_bytes(key.private_bytes(serialization.Encoding.PEM, form, encryption))
    return paths


StartServer = Callable[[str], tuple[Mailbox, dict[str, str]]]


@pytest.fixture
def start_server(certificate: tuple[Path, Path]) -> Iterator[StartServer]:
    """Starts an SMTP server; returns its mailbox and the settings that reach it."""
    running: list[Controller] = []

    def start(encryption: str) -> tuple[Mailbox, dict[str, str]]:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)
        options: dict[str, Any] = {"none": {}, "tls": {"ssl_context": context}, "starttls": {"tls_context": context}}
        login: dict[str, Any] = {} if encryption == "none" else {"authenticator": check_password}
        login |= {"auth_require_tls": False} if encryption == "tls" else {}  # it means STARTTLS
        mailbox, port = Mailbox(), free_port()
        server = Controller(mailbox, hostname="127.0.0.1", port=port, **options[encryption], **login)
        server.start()
        running.append(server)
        settings = {"HOST": "127.0.0.1", "PORT": str(port), "TLS": encryption, "FROM": "Papers <papers@example.org>"}
        settings |= {"USER": "anna", "PASSWORD": "secret"} if login else {}
        return mailbox, {f"PAPERS_SMTP_{name}": value for name, value in settings.items()}

    yield start
    for server in running:
        server.stop()


@pytest.mark.parametrize("encryption", ["none", "starttls", "tls"])
def test_a_mail_has_text_and_html_and_arrives(
    start_server: StartServer, certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, encryption: str
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
    mailbox, environment = start_server(encryption)
    settings = MailSettings.from_environment(environment)
    send_mail(settings, "bert@example.org", "2 new papers: größe", "Größe\n", "<p>Größe</p>\n")
    ((message, user),) = mailbox.received
    assert (message["subject"], message["from"], message["to"]) == (
        "2 new papers: größe",
        "papers@example.org",
        "bert@example.org",
    )
    assert user == (None if encryption == "none" else "anna")
    parts = {part.get_content_type(): part.get_content().replace("\r\n", "\n") for part in message.iter_parts()}
    assert parts == {"text/plain": "Größe\n", "text/html": "<p>Größe</p>\n"}
    assert message["auto-submitted"] == "auto-generated"


@pytest.mark.parametrize("encryption", ["starttls", "tls"])
def test_an_unknown_certificate_is_refused(start_server: StartServer, encryption: str) -> None:
    mailbox, environment = start_server(encryption)
    with pytest.raises(MailNotSent, match="certificate verify failed"):
        send_mail(MailSettings.from_environment(environment), "bert@example.org", "s", "t", "h")
    assert mailbox.received == []


def test_a_refusal_names_recipient_server_and_reason(start_server: StartServer) -> None:
    _, environment = start_server("none")
    settings = MailSettings.from_environment(environment)
    with pytest.raises(MailNotSent, match=r"no mail sent to nobody@example.org through 127.0.0.1:\d+: .*550"):
        send_mail(settings, "nobody@example.org", "s", "t", "h")
    with pytest.raises(MailNotSent, match=r"through 127.0.0.1:\d+: .*STARTTLS"):
        send_mail(MailSettings.from_environment({**environment, "PAPERS_SMTP_TLS": "starttls"}), "a@b.c", "s", "t", "h")
    closed = {**environment, "PAPERS_SMTP_PORT": str(free_port())}
    with pytest.raises(MailNotSent, match="refused"):
        send_mail(MailSettings.from_environment(closed), "a@b.c", "s", "t", "h")


def test_a_wrong_password_is_named(
    start_server: StartServer, certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
    _, environment = start_server("tls")
    settings = MailSettings.from_environment({**environment, "PAPERS_SMTP_PASSWORD": "wrong"})
    with pytest.raises(MailNotSent, match="535"):
        send_mail(settings, "bert@example.org", "s", "t", "h")


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"HOST": ""}, "PAPERS_SMTP_HOST"),
        ({"PORT": "0"}, "PAPERS_SMTP_PORT"),
        ({"PORT": "smtp"}, "PAPERS_SMTP_PORT"),
        ({"TLS": "ssl"}, "PAPERS_SMTP_TLS"),
        ({"FROM": "anna"}, "PAPERS_SMTP_FROM"),
        ({"FROM": ""}, "PAPERS_SMTP_FROM"),
        ({"FROM": "anna@example.org\r\nBcc: all@example.org"}, "PAPERS_SMTP_FROM"),
    ],
)
def test_an_invalid_setting_is_named(changed: dict[str, str], field: str) -> None:
    valid = {"HOST": "127.0.0.1", "PORT": "25", "TLS": "none", "FROM": "a@example.org"}
    with pytest.raises(InvalidValue) as raised:
        MailSettings.from_environment({f"PAPERS_SMTP_{name}": value for name, value in (valid | changed).items()})
    assert raised.value.field == field


def test_the_default_port_is_that_of_the_encryption() -> None:
    settings = {"PAPERS_SMTP_HOST": "mail.example.org", "PAPERS_SMTP_USER": "anna@example.org"}
    ports = {each: MailSettings.from_environment({**settings, "PAPERS_SMTP_TLS": each}) for each in ("", "tls", "none")}
    assert [settings.port for settings in ports.values()] == [587, smtplib.SMTP_SSL_PORT, smtplib.SMTP_PORT]
    assert ports[""].sender == "anna@example.org"


def test_the_command_mails_what_is_new_once(
    start_server: StartServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    mailbox, environment = start_server("none")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    library = Library(tmp_path)
    call = CommandLine(monkeypatch, capfd, "--index", str(library.index))
    call("watch", "add", "all")
    library.add(10, 2)
    mail = ("watch", "--mark-read", "--mail", "Anna <anna@example.org>")
    assert call(*mail).stderr == "papers: sent to anna@example.org\n"
    assert call(*mail).stderr == "papers: nothing new\n"
    ((message, _),) = mailbox.received
    assert message["subject"] == "2 new papers: all"
    for part in message.iter_parts():
        assert part.get_content().count("arxiv.org/abs/2000.") == 2
