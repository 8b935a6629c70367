"""What makes a Python kernel's output fit for a reader of little memory. Shipped to the kernel as text.

Left alone, an IPython kernel sends 100 MB as one message, and drops messages when its reader is slow.
"""

from nbpromote.execute.conversation import PACED

PIECE = 256 * 1024  # characters in a message

# gives True where the kernel took it; other kernels of Python raise, which changes nothing
PACE = f"""
def _nbpromote_pace():
    import sys, threading, zmq
    thread, begun = sys.stdout.pub_thread, threading.Event()

    def in_pieces(stream):
        def hook(message):
            text = message["content"]["text"]
            try:
                text.encode()
            except UnicodeEncodeError:  # half a surrogate pair, which no message can hold
                text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
            *before, last = [text[at : at + {PIECE}] for at in range(0, len(text), {PIECE})] or [""]
            for piece in before:
                content = {{"name": stream.name, "text": piece}}
                more = stream.session.msg("stream", content, parent=message["parent_header"])
                stream.session.send(stream.pub_thread, more, ident=stream.topic)
            message["content"]["text"] = last
            return message
        return hook

    def begin():  # hooks and sockets belong to this thread
        thread.socket.setsockopt(zmq.XPUB_NODROP, 1)
        thread.socket.setsockopt(zmq.SNDHWM, {PACED})
        for stream in (sys.stdout, sys.stderr):
            stream.register_hook(in_pieces(stream))
        begun.set()

    thread.schedule(begin)
    return begun.wait(10)

_nbpromote_paced = _nbpromote_pace()
del _nbpromote_pace
"""
PACES = "globals().pop('_nbpromote_paced')"
