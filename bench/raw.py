"""What the machine gives without us: blocking TCP sockets, driven by the same JSON lines.

The first byte of a connection says what it is for: `e` is an echo, `p` is perf, `s` is perf in sealed frames.
"""

from __future__ import annotations

import argparse
import json
import random
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from bench.process_usage import usage
from bench.sealed import Sealed

CHUNK_BYTES = 64 * 1024
REQUEST_BYTES = 32

Request = dict[str, Any]
Answer = dict[str, Any]


def receive_exactly(sock: socket.socket, n: int) -> bytes:
    """Receive exactly `n` bytes, or fewer at the end."""
    data = sock.recv(n)
    while data and len(data) < n and (more := sock.recv(n - len(data))):
        data += more
    return data


def receive_all(sock: socket.socket) -> int:
    """Read to the end; return how many bytes came."""
    buffer = bytearray(CHUNK_BYTES)
    total = 0
    while n := sock.recv_into(buffer):
        total += n
    return total


def send_zeros(sock: socket.socket, size: int, chunk: int = CHUNK_BYTES) -> None:
    """Write `size` bytes, `chunk` at a time."""
    zeros = bytes(chunk)
    for _ in range(size // chunk):
        sock.sendall(zeros)
    sock.sendall(zeros[: size % chunk])


def exchange(sock: socket.socket) -> None:
    """A request and its echo."""
    payload = random.randbytes(REQUEST_BYTES)
    sock.sendall(payload)
    if receive_exactly(sock, REQUEST_BYTES) != payload:
        raise ValueError("what came back is not what was sent")


def serve(sock: socket.socket) -> None:
    """Serve one connection, to its end."""
    with sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        service = sock.recv(1)
        if service == b"p":
            (size,) = struct.unpack(">Q", receive_exactly(sock, 8))
            receive_all(sock)
            send_zeros(sock, size)
            return
        if service == b"s":
            serve_sealed(Sealed.accepted(sock))
            return
        while data := sock.recv(CHUNK_BYTES):
            sock.sendall(data)


def serve_sealed(sealed: Sealed) -> None:
    """Perf in sealed frames; the first holds the size alone."""
    frames = sealed.frames()
    (size,) = struct.unpack(">Q", next(frames))
    for _frame in frames:
        pass
    sealed.send_zeros(size)


def accept(listener: socket.socket) -> None:
    """A thread for each connection."""
    while True:
        sock, _address = listener.accept()
        threading.Thread(target=serve, args=(sock,), daemon=True).start()


def connect(request: Request, service: bytes) -> socket.socket:
    """A connection for this service."""
    _empty, _ip4, host, _tcp, port = request["address"].split("/")
    sock = socket.create_connection((host, int(port)))
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.sendall(service)
    return sock


def race(seconds: float, one_round: Callable[[], None]) -> Answer:
    """Rounds until the time is up."""
    now = time.perf_counter
    latencies: list[float] = []
    began = start = now()
    while began < start + seconds:
        one_round()
        ended = now()
        latencies.append(ended - began)
        began = ended
    latencies.sort()
    return {
        "count": len(latencies),
        "seconds": began - start,
        "p50_ms": latencies[len(latencies) // 2] * 1e3,
        "p99_ms": latencies[len(latencies) * 99 // 100] * 1e3,
    }


def perf(request: Request) -> Answer:
    """Upload, then download, on one connection."""
    upload, download, chunk = request["upload_bytes"], request["download_bytes"], request.get("chunk", CHUNK_BYTES)
    with connect(request, b"p") as sock:
        start = time.perf_counter()
        sock.sendall(struct.pack(">Q", download))
        send_zeros(sock, upload, chunk)
        sock.shutdown(socket.SHUT_WR)
        received = len(sock.recv(1))
        uploaded = time.perf_counter()
        received += receive_all(sock)
        ended = time.perf_counter()
    return {**transferred(request, received, (start, uploaded, ended)), "chunk": chunk}


def sealed_perf(request: Request) -> Answer:
    """Serve and measure transfers in sealed frames."""
    with connect(request, b"s") as sock:
        sealed = Sealed.dialled(sock)
        start = time.perf_counter()
        sealed.sendall(struct.pack(">Q", request["download_bytes"]))
        sealed.send_zeros(request["upload_bytes"])
        sock.shutdown(socket.SHUT_WR)
        frames = sealed.frames()
        received = len(next(frames, b""))
        uploaded = time.perf_counter()
        received += sum(len(frame) for frame in frames)
        ended = time.perf_counter()
    return transferred(request, received, (start, uploaded, ended))


def transferred(request: Request, received: int, times: tuple[float, float, float]) -> Answer:
    """The answer of a transfer that started, was uploaded and ended at these times."""
    start, uploaded, ended = times
    if received != request["download_bytes"]:
        raise ValueError(f"{received} bytes came, not {request['download_bytes']}")
    return {
        "upload_bytes": request["upload_bytes"],
        "download_bytes": received,
        "upload_seconds": uploaded - start,
        "download_seconds": ended - uploaded,
    }


def pings_rate(request: Request) -> Answer:
    """One request in flight."""
    with connect(request, b"e") as sock:
        return race(request["seconds"], lambda: exchange(sock))


def dials_rate(request: Request) -> Answer:
    """Connect, request, answer, close."""

    def one_round() -> None:
        with connect(request, b"e") as sock:
            exchange(sock)

    return race(request["seconds"], one_round)


PLAIN: dict[str, Callable[[Request], Answer]] = {
    "perf": perf,
    "pings_rate": pings_rate,
    "dials_rate": dials_rate,
    "usage": lambda request: usage(),
}
SEALED: dict[str, Callable[[Request], Answer]] = {"perf": sealed_perf, "usage": lambda request: usage()}


def main() -> None:
    """Answer commands until stdin ends."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--listen", action="store_true")
    parser.add_argument("--sealed", action="store_true")
    options = parser.parse_args()
    commands = SEALED if options.sealed else PLAIN
    addresses = []
    if options.listen:
        listener = socket.create_server(("127.0.0.1", 0))
        addresses.append(f"/ip4/127.0.0.1/tcp/{listener.getsockname()[1]}")
        threading.Thread(target=accept, args=(listener,), daemon=True).start()
    print(json.dumps({"event": "listening", "addresses": addresses}), flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        print(json.dumps({"id": request["id"], "ok": True, **commands[request["cmd"]](request)}), flush=True)


if __name__ == "__main__":
    main()
