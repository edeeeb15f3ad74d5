// The libp2p node, with every limit out of the way that a test could meet or a benchmark measure.
import { readFileSync } from 'node:fs'
import { generateKeyPair } from '@libp2p/crypto/keys'
import { fetch } from '@libp2p/fetch'
import { identify, identifyPush } from '@libp2p/identify'
import { mplex } from '@libp2p/mplex'
import { noise } from '@libp2p/noise'
import { plaintext } from '@libp2p/plaintext'
import { preSharedKey } from '@libp2p/pnet'
import { tcp } from '@libp2p/tcp'
import { tls } from '@libp2p/tls'
import { yamux } from '@libp2p/yamux'
import { createLibp2p } from 'libp2p'
import { mismatch } from './failures.mjs'

const MANY = 1_000_000
const RSA_BITS = 2048
const DIAL_TIMEOUT_MS = 30_000
const WINDOW_BYTES = 4 * 1024 * 1024
const READ_BUFFER_BYTES = 16 * 1024 * 1024 // a paused stream that passes it is reset: it must hold a whole window
const MPLEX_QUEUE_BYTES = 64 * 1024 * 1024

export const libraryVersion = JSON.parse(
  readFileSync(new URL('node_modules/libp2p/package.json', import.meta.url), 'utf8')
).version

const SECURITIES = { noise, tls, plaintext }
const MUXERS = {
  yamux: () => yamux({
    maxInboundStreams: MANY,
    maxOutboundStreams: MANY,
    maxEarlyStreams: MANY,
    streamOptions: { maxStreamWindowSize: WINDOW_BYTES, maxReadBufferLength: READ_BUFFER_BYTES }
  }),
  mplex: () => mplex({ maxUnprocessedMessageQueueSize: MPLEX_QUEUE_BYTES, disconnectThreshold: MANY })
}
const TRANSPORTS = { tcp: () => tcp({ inboundSocketInactivityTimeout: 0, outboundSocketInactivityTimeout: 0 }) }
// No ECDSA: js-libp2p has no such peer ids.
const KEYS = { ed25519: 'Ed25519', secp256k1: 'secp256k1', rsa: 'RSA' }

function pick (flag, names, known) {
  return names.map((name) => {
    if (!Object.hasOwn(known, name)) {
      throw new Error(`--${flag}: unknown name "${name}"`)
    }
    return known[name]
  })
}

function newKey (type) {
  if (!Object.hasOwn(KEYS, type)) {
    throw new Error(`--key: unknown type "${type}"`)
  }
  return generateKeyPair(KEYS[type], RSA_BITS)
}

// Connections whose muxer was agreed inside the security handshake: js keeps no record of it.
const early = new WeakSet()

export const hasEarlyMuxer = (connection) => early.has(connection.muxer.maConn)

function watched (makeSecurity) {
  return (components) => {
    const security = makeSecurity()(components)
    const watch = (secure) => async (connection, options) => {
      try {
        const secured = await secure.call(security, connection, options)
        if (secured.streamMuxer !== undefined) {
          early.add(secured.connection)
        }
        return secured
      } catch (error) {
        throw error.name === 'UnexpectedPeerError' ? mismatch(error) : error
      }
    }
    return {
      protocol: security.protocol,
      secureInbound: watch(security.secureInbound),
      secureOutbound: watch(security.secureOutbound)
    }
  }
}

function services () {
  const limits = { maxInboundStreams: MANY, maxOutboundStreams: MANY }
  const told = (make) => (components) => {
    const service = make(components)
    service.host.protocolVersion = 'interop/1.0.0' // no option sets it without the protocol ids
    return service
  }
  return {
    identify: told(identify({ ...limits, runOnConnectionOpen: false })), // the board runs it, to see it fail
    identifyPush: told(identifyPush({ ...limits, debounce: 0 })),
    fetch: fetch() // at its defaults, which its users have: 32 inbound streams a connection, 10 s
  }
}

// newHost makes a host that does not listen yet: start() does.
export async function newHost (settings) {
  return createLibp2p({
    start: false,
    privateKey: await newKey(settings.keyType),
    nodeInfo: { userAgent: `interop-js/${libraryVersion}` },
    addresses: { listen: settings.listen },
    transports: pick('transport', settings.transports, TRANSPORTS).map((make) => make()),
    connectionEncrypters: pick('security', settings.securities, SECURITIES).map(watched),
    streamMuxers: pick('muxer', settings.muxers, MUXERS).map((make) => make()),
    ...(settings.pskFile === '' ? {} : { connectionProtector: preSharedKey({ psk: readFileSync(settings.pskFile) }) }),
    services: services(),
    connectionGater: { denyDialMultiaddr: () => false },
    connectionMonitor: { enabled: false },
    connectionManager: {
      maxConnections: MANY,
      maxIncomingPendingConnections: MANY,
      inboundConnectionThreshold: MANY, // five new connections a second from one address
      maxParallelDials: MANY,
      dialTimeout: DIAL_TIMEOUT_MS,
      addressDialTimeout: DIAL_TIMEOUT_MS
    }
  })
}

// The listen addresses, sorted, wildcards expanded, each ending in /p2p/<own id>.
export function dialableAddresses (host) {
  return host.getMultiaddrs().map(String).sort()
}
