"""Dial and listen on a simulated network; connections carry bytes, and are upgraded as TCP's are."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from aiolibp2p.abc.layers.admission import Admission
from aiolibp2p.abc.layers.raw import RawConnection, RawReceiver
from aiolibp2p.abc.layers.transport import DialRequest, Listener, NewConnection, Transport
from aiolibp2p.abc.machine import ByteString
from aiolibp2p.abc.services.resources import ConnectionScope
from aiolibp2p.errors import ListenFailed, TimeoutExpired, Unreachable, UnsupportedAddress
from aiolibp2p.multiformats.multiaddr import Multiaddr
from aiolibp2p.simulator.network import Interface, StreamSocket
from aiolibp2p.simulator.network.packet import Payload


@dataclass(frozen=True)
class StreamTransportConfig:
    """Limits of the simulated transport."""

    connect_timeout_s: float = 5.0
    """Virtual seconds that a connection may take to stand, as over TCP."""
    high_water_bytes: int = 64 * 1024
    """Unsent bytes of a connection past which its streams wait, as over TCP."""
    dial_from_listen_port: bool = False
    """Dial from the port that was listened on last, as with SO_REUSEPORT: two that dial each other so, at the same
    moment, share one connection (TCP's simultaneous open), and gateways know where to send it."""


class StreamConnection(RawConnection):
    """A raw connection over a stream socket, whose receiver it is."""

    def __init__(self, socket: StreamSocket, high_water_bytes: int) -> None:
        self.local_address = socket_address(socket.local)
        self.remote_address = socket_address(socket.remote)
        self._socket = socket
        self._receiver: RawReceiver | None = None
        socket.set_high_water(high_water_bytes)

    def start(self, receiver: RawReceiver) -> None:
        self._receiver = receiver
        self._socket.start(self)

    def write(self, data: ByteString) -> None:
        self._socket.send(bytes(data), len(data))

    def unsent(self) -> int:
        """Return the bytes the simulated kernel has not taken. Their buffers may be used again all the same."""
        return self._socket.unsent()

    def rtt(self) -> float | None:
        return self._socket.rtt()

    def pause_reading(self) -> None:
        self._socket.pause_reading()

    def resume_reading(self) -> None:
        self._socket.resume_reading()

    def close(self) -> None:
        self._socket.close()

    def abort(self) -> None:
        self._socket.abort()

    # The socket's receiver

    def segment_received(self, payload: Payload) -> None:
        """Pass bytes on; a payload that is no bytes ends the connection."""
        if self._receiver is None:
            return
        if isinstance(payload, bytes):
            self._receiver.data_received(payload)
        else:
            self.abort()

    def eof_received(self) -> None:
        """Tell the receiver that the other end sends no more."""
        if self._receiver is not None:
            self._receiver.eof_received()

    def connection_lost(self, error: OSError | None) -> None:
        """Tell the receiver, once, that the connection is over."""
        receiver, self._receiver = self._receiver, None
        if receiver is not None:
            receiver.connection_lost(error)

    def pause_writing(self) -> None:
        """Tell the receiver that more than `high_water_bytes` are unsent."""
        if self._receiver is not None:
            self._receiver.pause_writing()

    def resume_writing(self) -> None:
        """Tell the receiver that enough of what was unsent has left."""
        if self._receiver is not None:
            self._receiver.resume_writing()


class StreamListener(Listener):
    """A port of an interface at which connections are accepted."""

    def __init__(self, interface: Interface, port: int) -> None:
        self.addresses: Sequence[Multiaddr] = [socket_address((interface.ip, port))]
        self._interface = interface
        self._port = port

    async def close(self) -> None:
        self._interface.stop_listening(self._port)


class StreamTransport(Transport):
    """The transport of one interface, for addresses of /ip4 or /ip6, then /tcp, then nothing."""

    name = "simulated"
    secures = False

    def __init__(self, interface: Interface, config: StreamTransportConfig | None = None) -> None:
        self._interface = interface
        self._config = config or StreamTransportConfig()
        self._dial_port = 0

    def can_dial(self, address: Multiaddr) -> bool:
        return endpoint_of(address) is not None

    def can_listen(self, address: Multiaddr) -> bool:
        return endpoint_of(address) is not None

    async def dial(self, address: Multiaddr, request: DialRequest, scope: ConnectionScope) -> NewConnection:
        """Connect to the address. Raises Unreachable or TimeoutExpired with the reason."""
        socket = await connect(self._interface, address, self._config.connect_timeout_s, self._dial_port)
        return StreamConnection(socket, self._config.high_water_bytes)

    async def listen(self, address: Multiaddr, admission: Admission) -> StreamListener:
        port = bind(self._interface, address, lambda socket: self._accept(socket, admission))
        if self._config.dial_from_listen_port:
            self._dial_port = port
        return StreamListener(self._interface, port)

    def _accept(self, socket: StreamSocket, admission: Admission) -> None:
        ticket = admission.admit(socket_address(socket.remote))
        if ticket is None:
            socket.abort()
        else:
            ticket.settle(StreamConnection(socket, self._config.high_water_bytes))


async def connect(interface: Interface, address: Multiaddr, timeout_s: float, local_port: int = 0) -> StreamSocket:
    """Return a socket to that address, from a free port if none is given.

    Raises Unreachable, TimeoutExpired, UnsupportedAddress.
    """
    ip, port = _require_endpoint(address)
    try:
        async with asyncio.timeout(timeout_s) as timeout:
            return await interface.connect(ip, port, local_port)
    except OSError as error:
        if timeout.expired():
            raise TimeoutExpired(f"no answer within {timeout_s:g} s") from error
        raise Unreachable((error.strerror or str(error)).lower()) from error


def bind(interface: Interface, address: Multiaddr, accepted: Callable[[StreamSocket], None]) -> int:
    """Listen at that address and return the port. Raises ListenFailed, UnsupportedAddress."""
    ip, port = _require_endpoint(address)
    if ip != interface.ip:
        raise ListenFailed(f"cannot listen on {address}: the address of this interface is {interface.ip}")
    try:
        return interface.listen(port, accepted)
    except OSError as error:
        raise ListenFailed(f"cannot listen on {address}: {(error.strerror or str(error)).lower()}") from error


def endpoint_of(address: Multiaddr) -> tuple[str, int] | None:
    """Return the ip address and port of an address; None for another kind."""
    parts = address.components()
    if len(parts) != 2 or parts[0].name not in ("ip4", "ip6") or parts[1].name != "tcp" or parts[0].value is None:
        return None
    return parts[0].value, int(parts[1].value or 0)


def socket_address(endpoint: tuple[str, int]) -> Multiaddr:
    """Return the multiaddr of one end of a socket."""
    return Multiaddr.from_ip_port(endpoint[0], "tcp", endpoint[1])


def _require_endpoint(address: Multiaddr) -> tuple[str, int]:
    endpoint = endpoint_of(address)
    if endpoint is None:
        raise UnsupportedAddress(f"{address} is no address of the simulated network")
    return endpoint
