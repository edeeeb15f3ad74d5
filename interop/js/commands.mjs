// The commands, and those that ask about connections and what is known of peers.
import { peerIdFromString } from '@libp2p/peer-id'
import { multiaddr } from '@multiformats/multiaddr'
import { dialsRate, opensRate, pingsRate, usage } from './bench.mjs'
import { bulkPingsRate, holdConnections, memory, releaseConnections } from './bench_load.mjs'
import { echoMany, echoOnce, identify, perf, ping, resetStream } from './exchanges.mjs'
import { BadCommand } from './failures.mjs'
import { fetchValue } from './fetch.mjs'
import { serve, serveEcho } from './handlers.mjs'
import { dialableAddresses, hasEarlyMuxer } from './host.mjs'
import { openStream } from './streams.mjs'
import { connect, parseAddress, parsePeer, target, withoutPeer } from './targets.mjs'

export const COMMANDS = {
  dial,
  disconnect,
  connections,
  wait_connected: (peer, request, signal) => waitConnections(peer, request, signal, (count) => count > 0),
  wait_disconnected: (peer, request, signal) => waitConnections(peer, request, signal, (count) => count === 0),
  identify,
  protocols,
  peer_addresses: peerAddresses,
  wait_protocol: waitProtocol,
  wait_peer_address: waitPeerAddress,
  add_protocol: addProtocol,
  remove_protocol: removeProtocol,
  add_listen: addListen,
  open,
  ping,
  echo: echoOnce,
  streams: echoMany,
  reset: resetStream,
  perf,
  fetch: fetchValue,
  pings_rate: pingsRate,
  opens_rate: opensRate,
  dials_rate: dialsRate,
  bulk_pings_rate: bulkPingsRate,
  hold_connections: holdConnections,
  release_connections: releaseConnections,
  memory,
  usage
}

async function dial (peer, request, signal) {
  return describe(await connect(peer, parseAddress(request.address), signal))
}

async function disconnect ({ host }, request, signal) {
  await host.hangUp(parsePeer(request.peer), { signal })
}

function connections ({ host }) {
  return { connections: host.getConnections().map(describe) }
}

function describe (connection) {
  const { localAddress, localFamily, localPort } = connection.maConn.socket
  return {
    peer_id: connection.remotePeer.toString(),
    direction: connection.direction,
    local_address: `/${localFamily === 'IPv6' ? 'ip6' : 'ip4'}/${localAddress}/tcp/${localPort}`,
    remote_address: withoutPeer(connection.remoteAddr),
    security: connection.encryption,
    muxer: connection.multiplexer,
    early_muxer: hasEarlyMuxer(connection),
    streams: connection.streams.length
  }
}

async function waitConnections ({ host, board }, request, signal, wanted) {
  const peerId = parsePeer(request.peer)
  await board.wait(signal, () => wanted(host.getConnections(peerId).length))
}

async function onRecord (host, peerId) {
  try {
    return await host.peerStore.get(peerId)
  } catch (error) {
    if (error.name !== 'NotFoundError') {
      throw error
    }
    return { protocols: [], addresses: [] }
  }
}

async function protocols (peer, request, signal) {
  const { remotePeer } = await target(peer, request, signal)
  return { protocols: (await onRecord(peer.host, remotePeer)).protocols.toSorted() }
}

async function waitProtocol (peer, request, signal) {
  const { remotePeer } = await target(peer, request, signal)
  await peer.board.wait(signal, async () => {
    const known = await onRecord(peer.host, remotePeer)
    return known.protocols.includes(request.protocol) !== (request.absent ?? false)
  })
}

async function peerAddresses (peer, request, signal) {
  const { remotePeer } = await target(peer, request, signal)
  const { addresses } = await onRecord(peer.host, remotePeer)
  return { addresses: addresses.map(({ multiaddr }) => withoutPeer(multiaddr)).sort() }
}

async function waitPeerAddress ({ board }, request, signal) {
  const address = parseAddress(request.address)
  const peerId = peerIdFromString(address.getComponents().at(-1).value)
  const wanted = withoutPeer(address)
  await board.wait(signal, () => {
    const listed = board.get(peerId)?.told?.listenAddrs.map(withoutPeer) ?? []
    return listed.includes(wanted) !== (request.absent ?? false)
  })
}

async function addProtocol ({ host }, request) {
  await serve(host, request.protocol, serveEcho)
}

async function removeProtocol ({ host }, request) {
  await host.unhandle(request.protocol)
}

async function addListen ({ host }, request) {
  let address
  try {
    address = multiaddr(request.address)
  } catch (error) {
    throw new BadCommand(`address "${request.address}": ${error.message}`)
  }
  await host.components.transportManager.listen([address])
  return { addresses: dialableAddresses(host) }
}

async function open (peer, request, signal) {
  const stream = await openStream(await target(peer, request, signal), request.protocol, signal)
  stream.abort(new Error('opened, and that was all'))
  return { protocol: stream.protocol }
}
