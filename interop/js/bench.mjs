// The commands for benchmarks: many rounds of one exchange.
import { exchange, withStream } from './exchanges.mjs'
import { BENCH_ECHO, PING, PING_BYTES } from './handlers.mjs'
import { newHost } from './host.mjs'
import { Incoming, openStream } from './streams.mjs'
import { parseAddress, target } from './targets.mjs'

// race runs rounds on `workers` workers, all started at once, until `count` rounds are done or `seconds` passed.
async function race ({ count = 0, seconds = 1 }, workers, round) {
  const latencies = []
  let taken = 0
  const start = performance.now()
  const more = () => count > 0 ? taken++ < count : performance.now() - start < seconds * 1000
  await Promise.all(Array.from({ length: workers }, async (_, worker) => {
    while (more()) {
      latencies.push(await round(worker))
    }
  }))
  const elapsed = performance.now() - start
  latencies.sort((a, b) => a - b)
  const quantile = (q) => latencies[Math.min(Math.floor(q * latencies.length), latencies.length - 1)] ?? 0
  return { count: latencies.length, seconds: elapsed / 1000, p50_ms: quantile(0.5), p99_ms: quantile(0.99) }
}

async function timed (work) {
  const start = performance.now()
  await work()
  return performance.now() - start
}

// pingsRate keeps one request in flight on each of `streams` streams that stay open.
export async function pingsRate (peer, request, signal) {
  const connection = await target(peer, request, signal)
  const size = request.bytes ?? PING_BYTES
  const opened = []
  try {
    for (let left = request.streams ?? 1; left > 0; left--) {
      const stream = await openStream(connection, request.protocol ?? BENCH_ECHO, signal)
      opened.push({ stream, incoming: new Incoming(stream) })
      await exchange(stream, opened.at(-1).incoming, size)
    }
    return await race(request, opened.length, (worker) => exchange(opened[worker].stream, opened[worker].incoming, size))
  } finally {
    await Promise.all(opened.map(({ stream }) => stream.close()))
  }
}

// opensRate opens a stream, sends one request, reads the answer, closes: once after the other in each worker.
export async function opensRate (peer, request, signal) {
  const connection = await target(peer, request, signal)
  const size = request.bytes ?? PING_BYTES
  return race(request, request.concurrency ?? 1, () => timed(() =>
    withStream(connection, request.protocol ?? BENCH_ECHO, signal, (stream, incoming) => exchange(stream, incoming, size))))
}

// dialsRate dials, upgrades, pings once and closes: once after the other in each worker. Each worker is
// a host of its own, made before the clock starts, since one host keeps one connection to a peer.
export async function dialsRate (peer, request, signal) {
  const address = parseAddress(request.address)
  const hosts = []
  try {
    for (let left = request.concurrency ?? 1; left > 0; left--) {
      const host = await newHost({ ...peer.settings, listen: [] })
      hosts.push(host)
      await host.start()
      host.addEventListener('connection:open', ({ detail }) => {
        host.services.identify.identify(detail).catch(() => {}) // the round may well be over first
      })
    }
    return await race(request, hosts.length, (worker) => timed(() => dialOnce(hosts[worker], address, signal)))
  } finally {
    await Promise.all(hosts.map((host) => host.stop()))
  }
}

async function dialOnce (host, address, signal) {
  const connection = await host.dial(address, { signal, force: true })
  try {
    await withStream(connection, PING, signal, (stream, incoming) => exchange(stream, incoming, PING_BYTES))
  } finally {
    await connection.close({ signal })
  }
}

// usage reports the processor time and the largest resident size of this process so far.
export function usage () {
  const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage()
  return { user_seconds: userCPUTime / 1e6, system_seconds: systemCPUTime / 1e6, max_rss_bytes: maxRSS * 1024 }
}
