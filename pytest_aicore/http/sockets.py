"""The sockets of the server: waitress's connections and threads, with the emulator's requests and answers.

Why waitress: it reads a whole request in one thread that never blocks, before a worker gets it, so that a thousand slow
or silent clients block no worker (cheroot, as fast and with TLS built in, gives a worker to every connection that has
started a request); it is imported in half of cheroot's time; and connection, request and answer are classes that can be
replaced. TLS is added here.

WSGI is not used: it cannot express what a fault does to a connection.
"""

from __future__ import annotations

import logging
import os
import selectors
import socket
import string
import struct
import threading
import time
from contextlib import contextmanager, suppress
from functools import partial
from http import HTTPStatus
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import quote
from weakref import WeakSet

import waitress
from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser, ParsingError
from waitress.task import ErrorTask, Task, ThreadedTaskDispatcher
from waitress.utilities import build_http_date

from pytest_aicore.http.departures import DEPARTURES
from pytest_aicore.http.exchange import BrokenRequestError, Request, Response, text_response

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterator

WORKERS = 4
"""Answers are made one at a time, under the emulator's lock: further workers would only wait for it."""
MAXIMUM_BODY_BYTES = 128 * 1024 * 1024
"""More than the largest body that AI Core accepts: 100 MiB, a dataset file (specification)."""
LARGE_BODY_BYTES = 256 * 1024
"""A larger body of a request that is passed on is not received before, but read as it is passed on."""
MAXIMUM_HEADER_BYTES = 60 * 1024
"""The default of Envoy, which stands in front of AI Core (assumed)."""
IDLE_SECONDS = 120.0
LINGER_SECONDS = 2.0
"""How long a client that was refused within its request may continue to send, so that it reads the answer."""
UNREAD_BYTES = 8 * 1024 * 1024
"""A client with more unread bytes than this gets no further answer."""
STOP_SECONDS = 2
_RECEIVED_BYTES = 64 * 1024
"""More than a TLS record (16 KiB): a read of this size leaves no decrypted bytes, which a poll would not see."""
_NO_BODY = frozenset({204, 304})
_WRITTEN_HERE = frozenset({"content-length", "connection", "date", "transfer-encoding"})
_FIRST_BYTES = frozenset(b"!#$%&'*+-.^_`|~\r\n" + string.ascii_letters.encode() + string.digits.encode())
"""The beginning of a request: a method, or the line ends that some clients send before it."""
_PRINTABLE = "".join(map(chr, range(0x21, 0x7F)))
_PHRASES = {413: "Payload Too Large"}
"""Envoy's phrase; Python's depends on its version."""

_LOGGER = logging.getLogger("pytest_aicore.server")
_LOGGER.addHandler(logging.NullHandler())
_QUEUE_LOGGER = _LOGGER.getChild("queue")
_QUEUE_LOGGER.setLevel(logging.ERROR)  # waiting requests are normal


_listeners: WeakSet[Listener] = WeakSet()


class Responder(Protocol):
    """Makes the answers."""

    url: str
    """The URL for clients."""

    def answer(self, request: Request, peer: str) -> Response:
        """Answer a request from an address; never raises."""
        ...

    def refused(self, status: int, peer: str) -> None:
        """Take note that bytes from an address, which are not a request, got an answer with this status."""
        ...

    def passes_on(self, path: str) -> bool:
        """Return whether requests to a path are passed on to a server, which may take its time."""
        ...

    def now(self) -> float:
        """Return the time of the emulator, in seconds since the epoch."""
        ...


class Listener:
    """A listening socket whose connections are served until `close`.

    Args:
        listening: a bound socket.
        answering: makes the answers; several threads call it at once.
        tls: the TLS context; None for plain HTTP.
        hang_seconds: how long a connection stays silent in an injected timeout.
        connections: the maximum number of open connections; further ones wait.
    """

    def __init__(
        self,
        listening: socket.socket,
        answering: Responder,
        *,
        tls: ssl.SSLContext | None,
        hang_seconds: float,
        connections: int,
    ) -> None:
        self.ended = threading.Event()
        self._map: dict[Any, Any] = {}
        workers = _Workers()
        workers.set_thread_count(WORKERS)
        self._server = waitress.create_server(
            answering,  # no WSGI application: the tasks below call `answering`
            self._map,
            _dispatcher=workers,
            sockets=[listening],
            threads=WORKERS,
            ident=None,
            asyncore_use_poll=True,
            backlog=1024,
            channel_timeout=int(IDLE_SECONDS),
            cleanup_interval=1,
            connection_limit=connections,
            log_socket_errors=False,
            outbuf_high_watermark=UNREAD_BYTES,
            max_request_body_size=MAXIMUM_BODY_BYTES,
            max_request_header_size=MAXIMUM_HEADER_BYTES,
            recv_bytes=_RECEIVED_BYTES,
        )
        self._server.answering = answering
        self._server.logger = _LOGGER
        self._server.hang_seconds = hang_seconds
        self._server.channel_class = _ServerConnection if tls is None else _secured_by(tls)
        self._thread = threading.Thread(target=self._run, name="pytest-aicore-server", daemon=True)
        _listeners.add(self)

    def open(self, deadline: float) -> bool:
        """Start to serve; return whether it is ready in time."""
        ready = threading.Event()
        self._thread.start()
        self._server.trigger.pull_trigger(ready.set)
        return ready.wait(deadline)

    def close(self) -> None:
        """Finish the requests in progress, then close every connection."""
        self._server.task_dispatcher.shutdown(cancel_pending=False, timeout=STOP_SECONDS)
        if self._thread.is_alive():
            with suppress(OSError):  # it was awake already, ended at once, and has closed its trigger
                self._server.trigger.pull_trigger(self._close_all)
            self._thread.join(STOP_SECONDS)
        self._close_all()

    def leave_to_other_process(self) -> None:
        """Close this process's copies of the sockets, without sending anything to clients.

        As long as a forked process has them, no client sees that a connection was closed or reset, and the port accepts
        connections that no process answers.
        """
        for each in list(self._map.values()):
            if each.socket is not None:
                each.socket.close()
        self._map.clear()

    def _run(self) -> None:
        try:
            self._server.run()
        finally:
            self.ended.set()

    def _close_all(self) -> None:
        for each in list(self._map.values()):
            if isinstance(each, HTTPChannel):
                each.handle_close()
            else:
                each.close()
        self._map.clear()


def _leave_in_forked_process() -> None:
    for listener in list(_listeners):
        listener.leave_to_other_process()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_leave_in_forked_process)


class _Workers(ThreadedTaskDispatcher):
    logger = _LOGGER
    queue_logger = _QUEUE_LOGGER

    def __init__(self) -> None:
        super().__init__()
        self._passing: SimpleQueue[Any] = SimpleQueue()
        self._free = threading.Semaphore(0)
        """Counts the threads that wait for a request to pass on."""

    def add_task(self, task: Any) -> None:
        """Let a worker serve the next request of a connection; what takes its time has as many threads as it needs."""
        if not task.is_passed_on(task.requests[0]):
            super().add_task(task)
            return
        if not self._free.acquire(blocking=False):
            threading.Thread(target=self._pass_on, name="pytest-aicore-passing", daemon=True).start()
        self._passing.put(task)

    def _pass_on(self) -> None:
        while (task := self._passing.get()) is not None:
            with suppress(OSError):  # the server has ended, and with it the pipe that wakes it after an answer
                task.service()  # logs all other exceptions
            self._free.release()

    def shutdown(self, cancel_pending: bool = True, timeout: int = 5) -> bool:
        """End the threads: those that serve nothing at once, the others with their request."""
        stopped = bool(super().shutdown(cancel_pending, timeout))
        while self._free.acquire(blocking=False):
            self._passing.put(None)
        return stopped


class _Exchange(Task):
    """A received request, and its answer."""

    logger = _LOGGER

    def execute(self) -> None:
        """Make and send the answer, or do to the connection what a fault requires."""
        channel, answering = self.channel, self.channel.server.answering
        request = _request(self.request, answering.url, channel)
        try:
            response = answering.answer(request, channel.addr[0])
        except BrokenRequestError as error:
            response = text_response(400, str(error))
        if response.failure == "timeout":
            channel.fall_silent(channel.server.hang_seconds)
        elif response.failure:
            channel.reset_at_its_end()
            self.close_on_finish = True
        elif response.stream is not None:
            with channel.streaming():
                _send_stream(self, response, response.stream)
        else:
            _send(self, response)
        if self.request.later is not None:
            self._leave_body(self.request.later)

    def _leave_body(self, body: _LateBody) -> None:
        """Let the connection be used again, if its body was read; else only the answer can be read."""
        if body.is_complete:
            if body.rest:
                self.channel.received(body.rest)
        else:
            self.close_on_finish = not self.channel.linger()

    def finish(self) -> None:
        """Do nothing: the answer was sent completely, or not at all."""


class _Refusal(ErrorTask):
    """Received bytes that are not a request, and the answer to them."""

    logger = _LOGGER

    def execute(self) -> None:
        """Send the refusal; the connection cannot be used again."""
        status = self.request.error.code
        self.version = "1.1"
        self.close_on_finish = True
        self.channel.server.answering.refused(status, self.channel.addr[0])
        _send(self, text_response(status, _phrase(status)))  # as Envoy refuses invalid requests (assumed)
        if self.channel.linger():
            self.close_on_finish = False

    def finish(self) -> None:
        """Do nothing: the answer was sent."""


class _Parts:
    """What takes the place of waitress's buffer of a body that is passed on as it comes."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def append(self, data: bytes) -> None:
        self._parts.append(data)

    def take(self) -> bytes:
        taken, self._parts = b"".join(self._parts), []
        return taken


class _LateBody:
    """The body of a request, which is read from its connection when somebody asks for it.

    Args:
        receiver: waitress's receiver of this kind of body.
        expects_continue: whether the client waits for leave to send it.
    """

    def __init__(self, receiver: Any, *, expects_continue: bool) -> None:
        self._receiver = receiver
        self._parts = receiver.buf = _Parts()
        self._expects_continue = expects_continue
        self.rest = b""
        """What was received and is not read yet; in the end, what is not part of the body."""

    @property
    def is_complete(self) -> bool:
        """Whether all of it was read."""
        return bool(self._receiver.completed)

    def chunks(self, channel: _ServerConnection) -> Iterator[bytes]:
        """Yield it as it comes.

        Raises:
            BrokenRequestError: it is incomplete, or not encoded as HTTP requires.
        """
        if self._expects_continue:
            channel.write_soon(b"HTTP/1.1 100 Continue\r\n\r\n")
        while not self.is_complete:
            data = self.rest or channel.receive(IDLE_SECONDS)
            self.rest = data[self._receiver.received(data) :]
            if self._receiver.error:
                raise BrokenRequestError("Bad Request")
            if chunk := self._parts.take():
                yield chunk


class _RequestParser(HTTPRequestParser):
    later: _LateBody | None = None
    body_rcv: Any
    content_length: int
    expect_continue: bool

    def __init__(self, adj: Any, passes_on: Callable[[str], bool]) -> None:
        super().__init__(adj)
        self._passes_on = passes_on

    def received(self, data: bytes) -> int:
        """Take received bytes; the body of a large request that is passed on is left to who passes it on."""
        consumed = int(super().received(data))
        if self.later is not None:
            self.later.rest, consumed = data[consumed:], len(data)
        return consumed

    def parse_header(self, header_plus: bytes) -> None:
        """Parse the first line and the headers."""
        try:
            super().parse_header(header_plus)
        except ValueError as error:  # of urllib, to which waitress passes any target
            raise ParsingError(str(error)) from None
        is_large = self.chunked or self.content_length > LARGE_BODY_BYTES
        if self.body_rcv is not None and is_large and self._passes_on(self.request_uri):
            self.later = _LateBody(self.body_rcv, expects_continue=self.expect_continue)
            self.body_rcv, self.content_length, self.expect_continue = None, 0, False


class _ServerConnection(HTTPChannel):
    task_class = _Exchange
    error_task_class = _Refusal
    logger = _LOGGER
    _silent_until: float | None = None
    _active_at = 0.0
    _is_streaming = False
    waiting: tuple[type[OSError], ...] = (BlockingIOError,)
    """What is raised where the socket has nothing to read yet."""

    def parser_class(self, adj: Any) -> _RequestParser:
        """Return a parser of the next request."""
        return _RequestParser(adj, self.server.answering.passes_on)

    def is_passed_on(self, request: _RequestParser) -> bool:
        """Return whether a request is passed on to a server, which may take its time."""
        return request.error is None and bool(self.server.answering.passes_on(request.request_uri))

    def receive(self, seconds: float) -> bytes:
        """Return the next bytes of the request in progress, for the thread that serves it.

        Raises:
            BrokenRequestError: the client has left, or sends nothing for so long.
        """
        with suppress(OSError, ValueError), selectors.DefaultSelector() as selector:  # else it was closed
            selector.register(self.socket, selectors.EVENT_READ)
            while selector.select(seconds):
                with suppress(*self.waiting):
                    if data := self.socket.recv(self.adj.recv_bytes):
                        return bytes(data)
                    break
        raise BrokenRequestError("The request is incomplete.")

    @contextmanager
    def streaming(self) -> Iterator[None]:
        """Let the thread that serves the request wait until the client has read what was sent."""
        self._is_streaming = True
        try:
            yield
        finally:
            self._is_streaming = False

    @property
    def last_activity(self) -> float:
        """The time of the last activity, by the machine's present date: waitress compares it, and the date may jump."""
        return time.time() - (time.monotonic() - self._active_at)

    @last_activity.setter
    def last_activity(self, _date: float) -> None:
        self._active_at = time.monotonic()

    def has_client_certificate(self) -> bool:
        """Return whether the client has presented a trusted certificate."""
        return False

    def fall_silent(self, seconds: float) -> None:
        """Answer nothing more, and discard all input, until the client leaves or the time is up."""
        with self.requests_lock:
            del self.requests[1:]
            self._silent_until = time.monotonic() + seconds

    def reset_at_its_end(self) -> None:
        """Make the connection end with a reset when it is closed."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def linger(self) -> bool:
        """Shut down sending and let the client finish; return whether that is possible.

        Closed with unread input, the connection would be reset, and the answer lost.
        """
        try:
            if self.total_outbufs_len:
                return False
            self.socket.shutdown(socket.SHUT_WR)
        except (OSError, AttributeError):  # closed by the other thread meanwhile
            return False
        self.fall_silent(LINGER_SECONDS)
        return True

    def received(self, data: bytes) -> bool:
        """Take received bytes."""
        if self._silent_until is None:
            if self.request is None and data[0] not in _FIRST_BYTES:
                data = b"\0\r\n\r\n"  # not HTTP: refused now, because its first line may never end
            return bool(super().received(data))
        return False

    def _flush_outbufs_below_high_watermark(self) -> None:
        """Close the connection where waitress would make a worker wait until the client has read."""
        if self._is_streaming:
            super()._flush_outbufs_below_high_watermark()
        elif self.total_outbufs_len > self.adj.outbuf_high_watermark:
            with self.requests_lock:
                del self.requests[1:]
                self.will_close = True
            self.server.pull_trigger()

    def readable(self) -> bool:
        """Return whether to read, which is checked once a second; silent connections end in time."""
        if self._silent_until is not None:
            self.last_activity = time.time()  # waitress must not close it as idle before
            self.will_close = self.will_close or time.monotonic() >= self._silent_until
        return bool(super().readable())


def _secured_by(tls: ssl.SSLContext) -> Callable[..., object]:
    """Return the class of connections over TLS.

    OpenSSL requires that a connection is read and written in turns, never by two threads at once; waitress does so,
    because it does not read while a request is being answered.
    """
    from ssl import SSLWantReadError, SSLWantWriteError  # loaded only where TLS is used

    not_yet = (SSLWantReadError, SSLWantWriteError)

    class Secured(_ServerConnection):
        waiting = not_yet
        _established = False
        _shakes_by_writing = False

        def has_client_certificate(self) -> bool:
            return bool(self.socket.getpeercert())

        def linger(self) -> bool:
            return False  # TLS has its own end of a connection

        def writable(self) -> bool:
            return self._shakes_by_writing or bool(super().writable())

        def handle_write(self) -> None:
            if self._established or self.will_close:
                super().handle_write()
            else:
                self._shake_hands()

        def handle_read(self) -> None:
            if not (self._established or self._shake_hands()):
                return
            try:
                data = self.socket.recv(self.adj.recv_bytes)
            except not_yet:
                return
            except OSError:
                data = b""
            if not data:
                self.handle_close()
                return
            self.last_activity = time.time()
            self.received(data)

        def send(self, data: bytes, do_close: bool = True) -> int:
            try:
                return int(self.socket.send(data))
            except not_yet:
                pass
            except OSError:
                if do_close:
                    self.handle_close()
            return 0

        def _shake_hands(self) -> bool:
            self._shakes_by_writing = False
            try:
                self.socket.do_handshake()
            except SSLWantReadError:
                return False
            except SSLWantWriteError:
                self._shakes_by_writing = True
                return False
            except (OSError, ValueError):
                self.handle_close()
                return False
            self._established = True
            return True

    def connect(server: object, plain: socket.socket, *rest: Any, **named: Any) -> object:
        plain.setblocking(False)
        try:
            plain.getpeername()  # raises if the client has left: `wrap_socket` would, too, and leave a socket open
            wrapped = tls.wrap_socket(plain, server_side=True, do_handshake_on_connect=False)
        except (OSError, ValueError):  # the client has left already
            plain.close()
            return None
        return Secured(server, wrapped, *rest, **named)

    return connect


def _request(parsed: Any, url: str, connection: _ServerConnection) -> Request:
    target: str = parsed.request_uri
    if not target.startswith("/"):  # the form for proxies, or `*`
        target = "/" + target.partition("://")[2].partition("/")[2]
    if not target.isascii():
        target = quote(target, _PRINTABLE, encoding="latin-1")
    return Request(
        parsed.command,
        url + target,
        {name.replace("_", "-"): value for name, value in parsed.headers.items()},
        parsed.get_body_stream().read() if parsed.body_rcv else b"",
        client_certificate=connection.has_client_certificate(),
        stream=None if parsed.later is None else parsed.later.chunks(connection),
        on_departure=partial(DEPARTURES.of, connection.socket),
    )


def _send(task: Any, response: Response) -> None:
    body = response.body
    if response.status in _NO_BODY or response.status < 200:
        body = b""
        length = []
    else:
        length = [f"content-length: {len(body)}"]
    head = _head(task, response, length)
    if getattr(task.request, "command", "") == "HEAD":
        body = b""
    task.wrote_header = True
    task.channel.write_soon(head + body)


def _send_stream(task: Any, response: Response, stream: Iterator[bytes]) -> None:
    """Send an answer as its body comes; where that is cut off, so is the answer."""
    has_body = response.status not in _NO_BODY and response.status >= 200
    length = [f"content-length: {response.headers['content-length']}"] if "content-length" in response.headers else []
    is_chunked = has_body and not length and task.version != "1.0"
    if not length and task.version == "1.0":
        task.close_on_finish = True
    channel = task.channel
    try:
        channel.write_soon(_head(task, response, ["transfer-encoding: chunked"] if is_chunked else length))
        task.wrote_header = True
        if not has_body or task.request.command == "HEAD":
            return
        for chunk in stream:
            channel.write_soon(b"%x\r\n%b\r\n" % (len(chunk), chunk) if is_chunked else chunk)
        if is_chunked:
            channel.write_soon(b"0\r\n\r\n")
    except OSError:
        channel.reset_at_its_end()
        task.close_on_finish = True
    finally:
        stream.close()  # type: ignore[attr-defined]  # a generator


def _head(task: Any, response: Response, length: list[str]) -> bytes:
    """Return the first line and the headers of an answer.

    Args:
        task: the request, whose connection is closed afterwards where the client wishes that.
        response: the answer.
        length: the headers that say where its body ends.
    """
    request = task.request
    wishes = {wish.strip().lower() for wish in request.headers.get("CONNECTION", "").split(",")}
    if "close" in wishes or (task.version == "1.0" and "keep-alive" not in wishes):
        task.close_on_finish = True
    lines = [f"HTTP/{task.version} {response.status} {_phrase(response.status)}"]
    for name, value in (*response.headers.items(), *response.repeated):
        if name not in _WRITTEN_HERE:
            safe = value if value.isascii() and value.isprintable() else quote(value, _PRINTABLE + " ")
            lines.append(f"{name}: {safe}")
    lines += length
    lines.append(f"date: {build_http_date(task.channel.server.answering.now())}")
    if task.close_on_finish:
        lines.append("connection: close")
    elif task.version == "1.0":
        lines.append("connection: keep-alive")
    return "\r\n".join([*lines, "\r\n"]).encode("latin-1")


def _phrase(status: int) -> str:
    try:
        return _PHRASES.get(status) or HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"
