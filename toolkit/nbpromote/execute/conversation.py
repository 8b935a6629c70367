"""Requests to a kernel, what it says meanwhile, and its replies. What the words mean is not known here.

nbclient waits for both sockets with three tasks of an event loop a cell; waiting for them directly costs a third.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import zmq
from nbclient.exceptions import DeadKernelError

Message = dict[str, Any]
Hear = Callable[[Message], None]

_SLICE = 200  # milliseconds between two looks at the kernel, the clock and whoever may want it stopped
_AT_ONCE = 64  # messages that are heard before the reply is looked for again
_LATE = 60.0  # seconds of silence after a reply, in which outputs may still be on their way
PACED = 32  # messages under way where the kernel waits for its reader


class Late(Exception):
    """No reply in time."""


class Conversation:
    """With one kernel, through the sockets of a client. `look` is called all the while; what it raises ends a wait."""

    def __init__(self, client: Any, look: Callable[[], None]) -> None:
        self._client, self._look = client, look
        self._shell: zmq.Socket[bytes] = zmq.Socket.shadow(client.shell_channel.socket.underlying)
        self._iopub: zmq.Socket[bytes] = zmq.Socket.shadow(client.iopub_channel.socket.underlying)
        # a kernel drops what its reader has no room for, the end of a cell too, so there is always room
        self._iopub.setsockopt(zmq.RCVHWM, 0)
        self._poller = zmq.Poller()
        for socket in (self._shell, self._iopub):
            self._poller.register(socket, zmq.POLLIN)

    def pace(self) -> None:
        """From now on the kernel waits for its reader, so that little has to be kept for it."""
        self._iopub.setsockopt(zmq.RCVHWM, PACED)

    def greet(self, until: float) -> Message:
        """Until the kernel answers and is heard: what it says before its socket is connected is lost, so ask again.

        Raises `Late`.
        """
        while True:
            asked, again = self._client.kernel_info(), min(until, time.monotonic() + 1)
            try:
                return self.ask(asked, until=again, late=0.2)
            except Late:
                if time.monotonic() >= until:
                    raise

    def ask(self, asked: str, *, until: float, hear: Hear = lambda _: None, late: float = _LATE) -> Message:
        """The reply to a request, once everything that was said on the way is heard. Raises `Late`."""
        reply: Message | None = None
        idle = False
        while reply is None or not idle:
            ready = dict(self._poller.poll(_SLICE))
            if self._iopub in ready:
                idle = self._listen(asked, hear) or idle
            if self._shell in ready:
                reply = self._reply(asked) or reply
            if reply is not None and ready:
                until = time.monotonic() + late
            if time.monotonic() > until and (reply is None or not idle):
                raise Late
            self._check(asked, hear)
        return reply

    def _check(self, asked: str, hear: Hear) -> None:
        try:
            self._look()
        except DeadKernelError:
            while self._iopub.poll(50):  # its last words
                self._listen(asked, hear)
            raise

    def _listen(self, asked: str, hear: Hear) -> bool:
        """Whether the kernel is through with a request. What belongs to another one is not heard."""
        for _ in range(_AT_ONCE):
            message = self._received(self._iopub)
            if message is None:
                break
            if message["parent_header"].get("msg_id") == asked:
                if message["msg_type"] == "status" and message["content"]["execution_state"] == "idle":
                    hear(message)
                    return True
                hear(message)
        return False

    def _reply(self, asked: str) -> Message | None:
        while (message := self._received(self._shell)) is not None:
            if message["parent_header"].get("msg_id") == asked:
                return message
        return None

    def _received(self, socket: zmq.Socket[bytes]) -> Message | None:
        try:
            parts = socket.recv_multipart(zmq.NOBLOCK)
        except zmq.Again:
            return None
        session = self._client.session
        message: Message = session.deserialize(session.feed_identities(parts)[1])
        return message
