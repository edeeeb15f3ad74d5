"""Two hosts in one program: one echoes, the other asks."""

import asyncio

from aiolibp2p import Host, Stream


async def echo(stream: Stream) -> None:
    async for chunk in stream:
        await stream.write(chunk)


async def main() -> None:
    async with Host(listen=["/ip4/127.0.0.1/tcp/0"]) as server, Host() as client:
        server.set_stream_handler("/echo/1.0.0", echo)
        print("listening on", server.addresses[0])

        async with await client.new_stream(server.addresses[0], "/echo/1.0.0") as stream:
            await stream.write(b"hello, libp2p")
            await stream.close_write()
            print("echoed:", (await stream.read()).decode())

        round_trip_s = await client.ping(server.addresses[0])
        print(f"ping: {round_trip_s * 1e3:.3f} ms")


asyncio.run(main())
