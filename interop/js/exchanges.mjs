// Commands that talk to a peer over streams.
import { createHash, randomBytes } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { publicKeyFromProtobuf } from '@libp2p/crypto/keys'
import { CHUNK_BYTES, ECHO, PERF, PING, PING_BYTES, sendZeros } from './handlers.mjs'
import { Incoming, openStream, write } from './streams.mjs'
import { target, withoutPeer } from './targets.mjs'

// identify waits for the peer's identify message and reports the latest one.
export async function identify (peer, request, signal) {
  const { remotePeer } = await target(peer, request, signal)
  await peer.board.wait(signal, () => peer.board.get(remotePeer) !== undefined)
  const { told, rounds, failed } = peer.board.get(remotePeer)
  if (failed !== undefined) {
    throw new Error(`identify failed: ${failed.message}`)
  }
  const record = told.signedPeerRecord
  return {
    peer_id: remotePeer.toString(),
    agent_version: told.agentVersion,
    protocol_version: told.protocolVersion,
    protocols: told.protocols.toSorted(),
    listen_addresses: told.listenAddrs.map(String).sort(),
    observed_address: told.observedAddr?.toString() ?? null,
    signed_record: record !== undefined,
    ...(record && { record_sequence: Number(record.seq), record_addresses: record.addresses.map(withoutPeer).sort() }),
    key_type: await keyType(peer.host, remotePeer),
    rounds
  }
}

// A push names no key, and the id of an RSA peer holds none: the peer store has what identify said first.
async function keyType (host, peerId) {
  const { peerStore } = host
  return (peerId.publicKey ?? publicKeyFromProtobuf((await peerStore.get(peerId)).publicKey)).type.toLowerCase()
}

export async function ping (peer, request, signal) {
  const connection = await target(peer, request, signal)
  const rtts = await withStream(connection, PING, signal, async (stream, incoming) => {
    const elapsed = []
    for (let left = Math.max(request.count ?? 1, 1); left > 0; left--) {
      elapsed.push(await exchange(stream, incoming, PING_BYTES))
    }
    return elapsed
  })
  return { peer_id: connection.remotePeer.toString(), rtts_ms: rtts }
}

// withStream closes after work that returned and resets after work that threw.
export async function withStream (connection, protocol, signal, work) {
  const stream = await openStream(connection, protocol, signal)
  try {
    const result = await work(stream, new Incoming(stream))
    await stream.close({ signal })
    return result
  } catch (error) {
    stream.abort(error)
    throw error
  }
}

// exchange sends `size` bytes, waits until the same bytes came back, and returns the milliseconds.
export async function exchange (stream, incoming, size) {
  const sent = randomBytes(size)
  const start = performance.now()
  const writing = write(stream, sent)
  writing.catch(() => {}) // what ended the writing ends the reading too
  const received = await incoming.readExactly(size)
  await writing
  const elapsed = performance.now() - start
  if (received === null || !sent.equals(received)) {
    throw new Error('what came back is not what was sent')
  }
  return elapsed
}

export async function echoOnce (peer, request, signal) {
  const connection = await target(peer, request, signal)
  const start = performance.now()
  const sha256 = await withStream(connection, request.protocol ?? ECHO, signal, (stream, incoming) =>
    runEcho(stream, incoming, request))
  return { bytes: request.bytes ?? 0, seconds: secondsSince(start), sha256, match: true }
}

const secondsSince = (start) => (performance.now() - start) / 1000

// runEcho writes and reads at the same time, half-closes, reads to the end and compares.
async function runEcho (stream, incoming, { bytes = 0, chunk = CHUNK_BYTES, read_delay_ms: delay = 0 }) {
  const sent = createHash('sha256')
  const writing = sendRandom(stream, bytes, chunk, sent)
  writing.catch(() => {}) // reading says better what happened
  const returned = createHash('sha256')
  let total = 0
  for (let part; (part = await incoming.read(chunk)) !== null;) {
    returned.update(part.subarray())
    total += part.byteLength
    if (delay > 0) {
      await pause(delay)
    }
  }
  await writing
  const digest = sent.digest('hex')
  if (total !== bytes || digest !== returned.digest('hex')) {
    throw new Error(`${total} of ${bytes} bytes: what came back is not what was sent`)
  }
  return digest
}

async function sendRandom (stream, bytes, chunk, hash) {
  for (let left = bytes; left > 0; left -= chunk) {
    const part = randomBytes(Math.min(left, chunk))
    hash.update(part)
    await write(stream, part)
  }
  await stream.close()
}

// echoMany opens all streams first, proves each with one byte, then echoes on all at once.
export async function echoMany (peer, request, signal) {
  const connection = await target(peer, request, signal)
  const count = request.count ?? 0
  const start = performance.now()
  let standing = 0
  const allStand = Promise.withResolvers()
  const one = () => withStream(connection, request.protocol ?? ECHO, signal, async (stream, incoming) => {
    await exchange(stream, incoming, 1)
    if (++standing === count) {
      allStand.resolve()
    }
    await allStand.promise
    await runEcho(stream, incoming, request)
  })
  const all = Array.from({ length: count }, one)
  Promise.all(all).catch(allStand.reject) // so that nobody waits for one that failed
  allStand.promise.catch(() => {})
  await Promise.all(all)
  return { count, bytes: request.bytes ?? 0, seconds: secondsSince(start) }
}

// resetStream proves a stream with one byte, then resets it; js-libp2p sends no error code.
export async function resetStream (peer, request, signal) {
  const stream = await openStream(await target(peer, request, signal), request.protocol ?? ECHO, signal)
  try {
    await exchange(stream, new Incoming(stream), 1)
  } finally {
    stream.abort(new Error('asked to reset'))
  }
}

// perf is the client of /perf/1.0.0, uploading in writes of `chunk`.
export async function perf (peer, request, signal) {
  const connection = await target(peer, request, signal)
  const { upload_bytes: upload = 0, download_bytes: download = 0 } = request
  const chunk = request.chunk || CHUNK_BYTES
  return withStream(connection, PERF, signal, async (stream, incoming) => {
    const start = performance.now()
    await write(stream, perfHeader(download))
    await sendZeros(stream, upload, chunk)
    await stream.close({ signal })
    // The server answers only when it has everything, so its first bytes (or its end) are the end of the upload.
    let part = await incoming.read()
    const uploaded = performance.now()
    let received = 0
    for (; part !== null; part = await incoming.read()) {
      received += part.byteLength
    }
    if (received !== download) {
      throw new Error(`${received} of ${download} bytes came`)
    }
    return {
      upload_bytes: upload,
      download_bytes: download,
      chunk,
      upload_seconds: (uploaded - start) / 1000,
      download_seconds: secondsSince(uploaded)
    }
  })
}

// perfHeader asks for so many bytes in return.
export function perfHeader (download) {
  const header = new Uint8Array(8)
  new DataView(header.buffer).setBigUint64(0, BigInt(download))
  return header
}
