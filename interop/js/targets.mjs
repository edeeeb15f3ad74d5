// Peers that commands name, by peer id or by an address.
import { peerIdFromString } from '@libp2p/peer-id'
import { multiaddr } from '@multiformats/multiaddr'
import { BadCommand, NotConnected } from './failures.mjs'

export const withoutPeer = (address) => address.toString().split('/p2p/')[0]

export function parsePeer (text) {
  try {
    return peerIdFromString(text)
  } catch (error) {
    throw new BadCommand(`peer "${text}": ${error.message}`)
  }
}

export function parseAddress (text) {
  let address
  try {
    address = multiaddr(text)
  } catch (error) {
    throw new BadCommand(`address "${text}": ${error.message}`)
  }
  if (address.getComponents().at(-1)?.name !== 'p2p') {
    throw new BadCommand(`address "${text}" does not end in /p2p/<id>`)
  }
  return address
}

const latest = (host, peerId) => host.getConnections(peerId).at(-1)

// The connection to the peer that a command names by `peer`, or by an `address` that is dialled if need be.
export async function target (peer, request, signal) {
  if (request.address !== undefined) {
    return connect(peer, parseAddress(request.address), signal)
  }
  const peerId = parsePeer(request.peer)
  const connection = latest(peer.host, peerId)
  if (connection === undefined) {
    throw new NotConnected(peerId.toString())
  }
  return connection
}

// connect dials exactly the address given, unless its peer is connected; it returns once identify has ended.
export async function connect ({ host, board }, address, signal) {
  const peerId = peerIdFromString(address.getComponents().at(-1).value)
  const connection = latest(host, peerId) ?? await host.dial(address, { signal })
  await board.wait(signal, () => board.get(peerId) !== undefined || connection.status !== 'open')
  return connection
}
