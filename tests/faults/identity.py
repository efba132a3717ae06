"""What stands for Google's token service: it grants tokens for signed assertions, until told otherwise."""

from __future__ import annotations

import datetime
import ipaddress
import json
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import google.auth.jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

ACCOUNT = "trainer@ckpt-ops.iam.gserviceaccount.com"
_AUDIENCE = "https://oauth2.googleapis.com/token"  # whatever the address that is really asked


class TokenService:
    """Grants a new token to each assertion that is signed with the key in `key_file`.

    Attributes:
        key_file: a service account's key, as GOOGLE_APPLICATION_CREDENTIALS names one.
        granted: every token, in order.
        assertions: what was asserted for them.
    """

    def __init__(self, folder: Path) -> None:
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.granted: list[str] = []
        self.assertions: list[dict[str, Any]] = []
        self._expired, self._revoked = 0, False
        self._outages_left = 0
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                service._answer(self)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.key_file = folder / "key.json"
        self.key_file.write_text(
            json.dumps(
                {
                    "type": "service_account",
                    "project_id": "ckpt-ops",
                    "private_key_id": "1",
                    "private_key": _pem(self._key),
                    "client_email": ACCOUNT,
                    "token_uri": self._uri,
                }
            )
        )

    @property
    def _uri(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/token"

    def admits(self, authorization: str) -> bool:
        """Whether the service behind would let a request with this header in."""
        return authorization.removeprefix("Bearer ") in self.granted[self._expired :]

    def expire(self) -> None:
        """What was granted until now is no good any more."""
        self._expired = len(self.granted)

    def revoke(self) -> None:
        """The key is deleted: nothing is granted, and what was is no good."""
        self.expire()
        self._revoked = True

    def unavailable(self, times: int) -> None:
        """Answer 503 so many times."""
        self._outages_left = times

    def __enter__(self) -> TokenService:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _answer(self, request: BaseHTTPRequestHandler) -> None:
        body = request.rfile.read(int(request.headers["Content-Length"]))
        if self._outages_left:
            self._outages_left -= 1
            self._reply(request, 503, {"error": "temporarily_unavailable"})
        elif self._revoked:
            self._reply(
                request, 400, {"error": "invalid_grant", "error_description": "Invalid JWT Signature."}
            )
        else:
            (assertion,) = parse_qs(body.decode())["assertion"]
            public = self._key.public_key().public_bytes(
                serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
            )
            self.assertions.append(google.auth.jwt.decode(assertion, certs=public, audience=_AUDIENCE))
            self.granted.append(f"token-{len(self.granted) + 1}")
            self._reply(
                request,
                200,
                {"access_token": self.granted[-1], "expires_in": 3600, "token_type": "Bearer"},
            )

    @staticmethod
    def _reply(request: BaseHTTPRequestHandler, status: int, payload: dict[str, Any]) -> None:
        body = json.dumps(payload).encode()
        request.send_response(status)
        request.send_header("Content-Type", "application/json")
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)


def certificate(folder: Path) -> tuple[Path, ssl.SSLContext]:
    """A self-signed certificate for 127.0.0.1: the file to trust, and what a server speaks with."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "ckpt-ops tests")])
    now = datetime.datetime.now(datetime.UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    trusted, secret = folder / "certificate.pem", folder / "key.pem"
    trusted.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    secret.write_text(_pem(key))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(trusted, secret)
    return trusted, context


def _pem(key: rsa.RSAPrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
