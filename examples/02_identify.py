"""Who is at the other end, what does it speak, and how does it see us? Events tell, and so does asking."""

import asyncio

from aiolibp2p import Host, PrivateKey
from aiolibp2p.events import PeerIdentified


async def main() -> None:
    key = PrivateKey.generate("secp256k1")
    async with Host(key=key, listen=["/ip4/127.0.0.1/tcp/0"]) as server, Host() as client:
        events = server.events(PeerIdentified)

        who = await client.identify(server.addresses[0])
        print("peer id:", who.peer_id)
        print("agent:", who.agent_version)
        print("protocols:", ", ".join(who.protocols))
        print("listens on:", ", ".join(map(str, who.listen_addresses)))
        print("sees us at:", who.observed_address)
        print("signed record:", who.signed_peer_record is not None)

        async for event in events:
            print("the server has identified", event.peer)
            break


asyncio.run(main())
