"""Services that take messages, started by the test that sends to them: over HTTP and over SMTP, on loopback."""

from __future__ import annotations

import email
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


def a_free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class WebSink:
    """Takes JSON notifications. ``status`` is what it answers; ``hangs``: it takes a message and never answers."""

    def __init__(self, port: int = 0) -> None:
        self.status = 200
        self.hangs = False
        self.messages: list[dict[str, Any]] = []
        self.asked = 0
        self._released = threading.Event()
        sink = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                sink.asked += 1
                if sink.hangs:
                    sink._released.wait(60)
                    return
                if sink.status == 200:
                    sink.messages.append(json.loads(body))
                self.send_response(sink.status)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Tests have their own words."""

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.port = self._server.server_port
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self._thread.start()

    def url(self, secret: str = "") -> str:
        """As apprise names it; ``secret`` is its password."""
        return f"json://reader:{secret or 'nothing'}@127.0.0.1:{self.port}/lab"

    @property
    def texts(self) -> list[str]:
        return [message["message"] for message in self.messages]

    def close(self) -> None:
        self._released.set()
        self._server.shutdown()
        self._server.server_close()


@contextmanager
def web_sink(port: int = 0) -> Iterator[WebSink]:
    sink = WebSink(port)
    try:
        yield sink
    finally:
        sink.close()


class MailSink:
    """Takes mail."""

    def __init__(self) -> None:
        from aiosmtpd.controller import Controller

        self.mails: list[Message] = []
        self._controller = Controller(self, hostname="127.0.0.1", port=a_free_port())
        self._controller.start()
        self.port = self._controller.port

    async def handle_DATA(self, server: object, session: object, envelope: Any) -> str:
        self.mails.append(email.message_from_bytes(envelope.content))
        return "250 taken"

    def url(self) -> str:
        return f"mailto://127.0.0.1:{self.port}?from=lab@example.org&to=reader@example.org&mode=insecure"

    @property
    def texts(self) -> list[str]:
        parts = [part for mail in self.mails for part in mail.walk() if part.get_content_type() == "text/plain"]
        found = [part.get_payload(decode=True) for part in parts]
        return [payload.decode().replace("\r\n", "\n") for payload in found if isinstance(payload, bytes)]

    def close(self) -> None:
        self._controller.stop()


@contextmanager
def mail_sink() -> Iterator[MailSink]:
    sink = MailSink()
    try:
        yield sink
    finally:
        sink.close()
