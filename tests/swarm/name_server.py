"""A DNS server on loopback for tests: it answers from a table, over UDP, and over TCP what is too long for that."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import cast

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

from aiolibp2p.swarm.resolver import ResolverConfig

Zone = Mapping[tuple[str, str], Sequence[str]]
"""(name, type) to the values, as zone files write them."""


class NameServer(asyncio.DatagramProtocol):
    """Answers from `zone`, but is silent about the names in `silent`."""

    def __init__(self, zone: Zone, silent: Sequence[str]) -> None:
        self.asked: list[tuple[str, str]] = []
        self.over_tcp: list[str] = []
        self._zone = zone
        self._silent = silent
        self._transport: asyncio.DatagramTransport

    @property
    def config(self) -> ResolverConfig:
        """Settings that lead here."""
        host, port = self._transport.get_extra_info("sockname")[:2]
        return ResolverConfig([host], port, timeout_s=2)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's is of no class of asyncio's, and asyncio's own not of the one for datagrams.
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, source: tuple[str, int]) -> None:
        query = dns.message.from_wire(data)
        if query.question[0].name.to_text(omit_final_dot=True) in self._silent:
            return
        answer = self._answer(query)
        if len(answer.to_wire(max_size=65535)) > query.payload:
            answer = dns.message.make_response(query)
            answer.flags |= dns.flags.TC
        self._transport.sendto(answer.to_wire(), source)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        query = dns.message.from_wire(await reader.readexactly(int.from_bytes(await reader.readexactly(2), "big")))
        self.over_tcp.append(query.question[0].name.to_text(omit_final_dot=True))
        answer = self._answer(query).to_wire(max_size=65535)
        writer.write(len(answer).to_bytes(2, "big") + answer)
        writer.close()

    def _answer(self, query: dns.message.Message) -> dns.message.Message:
        (question,) = query.question
        name, kind = question.name.to_text(omit_final_dot=True), dns.rdatatype.to_text(question.rdtype)
        self.asked.append((name, kind))
        answer = dns.message.make_response(query)
        if values := self._zone.get((name, kind)):
            answer.answer.append(dns.rrset.from_text(question.name, 60, "IN", kind, *values))
        elif not any(known == name for known, _ in self._zone):
            answer.set_rcode(dns.rcode.NXDOMAIN)
        return answer


@asynccontextmanager
async def name_server(zone: Zone, silent: Sequence[str] = (), address: str = "127.0.0.1") -> AsyncIterator[NameServer]:
    """A server on a free port of a loopback address."""
    loop = asyncio.get_running_loop()
    server = NameServer(zone, silent)
    tcp = await asyncio.start_server(server.serve, address, 0)
    port = tcp.sockets[0].getsockname()[1]
    udp, _ = await loop.create_datagram_endpoint(lambda: server, local_addr=(address, port))
    try:
        yield server
    finally:
        udp.close()
        tcp.close()
        await tcp.wait_closed()


def links(*addresses: str) -> list[str]:
    """TXT records that link to these addresses."""
    return [f'"dnsaddr={address}"' for address in addresses]
