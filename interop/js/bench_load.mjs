// The commands for benchmarks that load a peer: pings beside an upload, many idle connections, what they cost.
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { pingsRate } from './bench.mjs'
import { perfHeader } from './exchanges.mjs'
import { PERF, ZEROS } from './handlers.mjs'
import { newHost } from './host.mjs'
import { Incoming, openStream, write } from './streams.mjs'
import { parseAddress, target } from './targets.mjs'

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') // a context made after the flag has it, no other does

// bulkPingsRate is pingsRate on one stream while an upload runs on another of the same connection.
export async function bulkPingsRate (peer, request, signal) {
  const bulk = await openStream(await target(peer, request, signal), PERF, signal)
  try {
    await write(bulk, perfHeader(0))
    const over = { yet: false }
    const uploading = uploadUntil(bulk, over)
    uploading.catch(() => {}) // awaited below, unless a ping fails first
    const answer = await pingsRate(peer, { ...request, streams: 1 }, signal)
    over.yet = true
    return { ...answer, bulk_bytes: await uploading }
  } finally {
    bulk.abort(new Error('the command has ended'))
  }
}

// uploadUntil keeps a stream full until told to end, then waits until the server has it all.
async function uploadUntil (stream, over) {
  const incoming = new Incoming(stream)
  let sent = 0
  for (; !over.yet; sent += ZEROS.length) {
    await write(stream, ZEROS)
  }
  await stream.close()
  while (await incoming.read() !== null);
  return sent
}

// Hosts that have one connection each, until they are released.
const held = []

// holdConnections makes hosts, then connects each of them once and keeps it. Memory is measured before and after.
export async function holdConnections (peer, { address, count = 1, concurrency = 1 }, signal) {
  const server = parseAddress(address)
  const hosts = []
  for (let left = count; left > 0; left--) {
    const host = await newHost({ ...peer.settings, listen: [] })
    held.push(host)
    hosts.push(host)
    await host.start()
    signal.throwIfAborted()
  }
  const before = residentBytes()
  const start = performance.now()
  const waiting = hosts.values()
  await Promise.all(Array.from({ length: Math.max(concurrency, 1) }, async () => {
    for (const host of waiting) {
      await host.services.identify.identify(await host.dial(server, { signal }), { signal })
    }
  }))
  const seconds = (performance.now() - start) / 1000
  return { count, seconds, rss_before_bytes: before, rss_after_bytes: residentBytes() }
}

// releaseConnections closes what holdConnections keeps.
export async function releaseConnections () {
  await Promise.all(held.splice(0).map((host) => host.stop()))
}

// memory is what this process has resident without garbage.
export function memory () {
  return { rss_bytes: residentBytes() }
}

function residentBytes () {
  collectGarbage({ type: 'major', execution: 'sync', flavor: 'last-resort' }) // this flavor gives back what is free
  return process.memoryUsage.rss()
}
