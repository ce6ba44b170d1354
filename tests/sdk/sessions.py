"""A scripted vendor's realtime sessions: just enough of RFC 6455 for one client at a time."""

import base64
import hashlib
import json
import struct

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
USAGE = {
    "total_tokens": 30,
    "input_tokens": 20,
    "output_tokens": 10,
    "input_token_details": {"text_tokens": 20, "audio_tokens": 0, "cached_tokens": 0},
    "output_token_details": {"text_tokens": 10, "audio_tokens": 0},
}


def read(stream):
    """One frame: its opcode and what it holds."""
    first, second = stream.read(2)
    length = second & 0x7F
    if length > 125:
        length = int.from_bytes(stream.read(2 if length == 126 else 8), "big")
    mask = stream.read(4)
    return first & 0x0F, bytes(byte ^ mask[at % 4] for at, byte in enumerate(stream.read(length)))


def write(stream, opcode, content):
    length = len(content)
    size = bytes([length]) if length < 126 else b"\x7e" + struct.pack(">H", length)
    stream.write(bytes([0x80 | opcode]) + size + content)
    stream.flush()


def answer(handler):
    """Answers, if a session is asked for."""
    path, _, query = handler.path.partition("?")
    if not path.endswith("/realtime"):
        return False
    if handler.headers.get("authorization") != "Bearer sk-upstream":
        handler.send_response(401)
        handler.end_headers()
        return True
    nonce = handler.headers["sec-websocket-key"].encode()
    handler.protocol_version = "HTTP/1.1"
    handler.send_response(101)
    handler.send_header("connection", "upgrade")
    handler.send_header("upgrade", "websocket")
    handler.send_header("sec-websocket-accept", base64.b64encode(hashlib.sha1(nonce + GUID).digest()).decode())
    handler.end_headers()
    serve(handler, query.removeprefix("model="))
    handler.close_connection = True
    return True


def serve(handler, model):
    def say(kind, **more):
        write(handler.wfile, 1, json.dumps({"type": kind, "event_id": "event_1", **more}).encode())

    session = {"type": "realtime", "model": model}
    say("session.created", session=session)
    while True:
        opcode, content = read(handler.rfile)
        if opcode == 8:
            return write(handler.wfile, 8, content)
        if opcode == 9:
            write(handler.wfile, 10, content)
        if opcode != 1:
            continue
        event = json.loads(content)
        if event["type"] == "session.update":
            say("session.updated", session=session | event["session"])
        elif event["type"] == "response.create":
            response = {"id": "resp_1", "object": "realtime.response", "status": "in_progress"}
            place = {"response_id": "resp_1", "item_id": "item_1", "output_index": 0, "content_index": 0}
            say("response.created", response=response)
            for word in ["Hello", " there"]:
                say("response.output_text.delta", delta=word, **place)
            say("response.output_text.done", text="Hello there", **place)
            say("response.done", response=response | {"status": "completed", "usage": USAGE})
