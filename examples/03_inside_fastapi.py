"""A host that lives as long as a FastAPI app, on the app's own event loop. Ends by itself after two requests."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
from fastapi import FastAPI

from aiolibp2p import Host, Stream


async def shout(stream: Stream) -> None:
    await stream.write((await stream.read()).upper())


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    async with Host(listen=["/ip4/127.0.0.1/tcp/0"]) as host:
        host.set_stream_handler("/shout/1.0.0", shout)
        app.state.host = host
        yield


app = FastAPI(lifespan=lifespan)


@app.get("/addresses")
async def addresses() -> list[str]:
    return [str(address) for address in app.state.host.addresses]


@app.get("/shout/{text}")
async def ask(text: str) -> str:
    """Ask our own host through a second one, as a stranger would."""
    async with Host() as client, await client.new_stream(app.state.host.addresses[0], "/shout/1.0.0") as stream:
        await stream.write(text.encode())
        await stream.close_write()
        return (await stream.read()).decode()


async def main() -> None:
    # What a server such as uvicorn does, without a port: start the app, send it two requests.
    transport = httpx.ASGITransport(app=app)
    async with lifespan(app), httpx.AsyncClient(transport=transport, base_url="http://app") as web:
        print("addresses:", (await web.get("/addresses")).json())
        print("answer:", (await web.get("/shout/hello")).json())


if __name__ == "__main__":
    asyncio.run(main())
