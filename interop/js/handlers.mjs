// What every peer serves.
import { setTimeout as pause } from 'node:timers/promises'
import { Incoming, write } from './streams.mjs'

export const PING = '/ipfs/ping/1.0.0'
export const ECHO = '/interop/echo/1.0.0'
export const BENCH_ECHO = '/bench/echo/1.0.0'
export const PERF = '/perf/1.0.0'
const SLOW = '/interop/slow/1.0.0'
const RESET = '/interop/reset/1.0.0'

export const PING_BYTES = 32
const SLOW_READ_BYTES = 64 * 1024
const SLOW_PAUSE_MS = 4
export const CHUNK_BYTES = 64 * 1024
export const ZEROS = new Uint8Array(CHUNK_BYTES)

export async function installHandlers (host) {
  const served = {
    [PING]: servePing, [ECHO]: serveEcho, [BENCH_ECHO]: serveEcho, [SLOW]: serveSlowEcho, [RESET]: serveReset, [PERF]: servePerf
  }
  for (const [protocol, handler] of Object.entries(served)) {
    await serve(host, protocol, handler)
  }
}

export function serve (host, protocol, handler) {
  const limits = { maxInboundStreams: Infinity, maxOutboundStreams: Infinity, force: true }
  return host.handle(protocol, (stream) => finish(stream, handler), limits)
}

// finish closes after a handler that returned and resets after one that threw.
async function finish (stream, handler) {
  try {
    await handler(stream, new Incoming(stream))
    await stream.close()
  } catch (error) {
    stream.abort(error)
  }
}

// servePing answers for as long as the other side asks.
async function servePing (stream, incoming) {
  for (let ping; (ping = await incoming.readExactly(PING_BYTES)) !== null;) {
    await write(stream, ping)
  }
}

// serveEcho sends back what comes, to the end.
export async function serveEcho (stream, incoming) {
  for (let part; (part = await incoming.read()) !== null;) {
    await write(stream, part)
  }
}

// serveSlowEcho is an echo that reads at most 64 KiB every 4 ms (16 MB/s).
async function serveSlowEcho (stream, incoming) {
  for (let part; (part = await incoming.read(SLOW_READ_BYTES)) !== null;) {
    await write(stream, part)
    await pause(SLOW_PAUSE_MS)
  }
}

// serveReset reads a uint32 and resets the stream; js-libp2p has no way to send it as the error code.
async function serveReset (stream, incoming) {
  await incoming.readExactly(4)
  stream.abort(new Error('asked to reset'))
}

// servePerf reads a big-endian uint64 and everything behind it, then sends that many bytes.
async function servePerf (stream, incoming) {
  const header = await incoming.readExactly(8)
  while (await incoming.read() !== null);
  await sendZeros(stream, Number(new DataView(header.buffer, header.byteOffset).getBigUint64(0)))
}

export async function sendZeros (stream, count, chunk = CHUNK_BYTES) {
  const zeros = chunk === CHUNK_BYTES ? ZEROS : new Uint8Array(chunk)
  for (let left = count; left > 0; left -= chunk) {
    await write(stream, left < chunk ? zeros.subarray(0, left) : zeros)
  }
}
