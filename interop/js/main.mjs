// A js-libp2p peer driven by JSON lines: commands on stdin, events and answers on stdout, logs on stderr.
// The interface is described in ../README.md.
import { setMaxListeners } from 'node:events'
import { createInterface } from 'node:readline'
import { parseArgs } from 'node:util'
import { Board } from './board.mjs'
import { COMMANDS } from './commands.mjs'
import { BadCommand, errorKind, errorText } from './failures.mjs'
import { installLookups } from './fetch.mjs'
import { installHandlers } from './handlers.mjs'
import { dialableAddresses, libraryVersion, newHost } from './host.mjs'

const DEFAULT_TIMEOUT_MS = 30_000
const STOP_TIMEOUT_MS = 2_000
const FIELDS = new Set([
  'id', 'cmd', 'address', 'peer', 'protocol', 'absent', 'count', 'bytes', 'chunk', 'read_delay_ms', 'streams',
  'concurrency', 'seconds', 'upload_bytes', 'download_bytes', 'code', 'key', 'timeout_ms'
])

function parseFlags (args) {
  const text = (value) => ({ type: 'string', default: value })
  const { values } = parseArgs({
    args,
    options: {
      listen: { type: 'string', multiple: true, default: [] },
      key: text('ed25519'),
      security: text('noise'),
      muxer: text('yamux'),
      transport: text('tcp'),
      psk: text('')
    }
  })
  const names = (list) => list.split(',')
  return {
    listen: values.listen,
    keyType: values.key,
    securities: names(values.security),
    muxers: names(values.muxer),
    transports: names(values.transport),
    pskFile: values.psk
  }
}

const send = (object) => process.stdout.write(`${JSON.stringify(object)}\n`)

const failure = (id, error) => ({ id, ok: false, error: errorText(error), kind: errorKind(error) })

function parseCommand (line) {
  let request
  try {
    request = JSON.parse(line)
  } catch (error) {
    throw new BadCommand(error.message)
  }
  if (request === null || typeof request !== 'object' || Array.isArray(request)) {
    throw new BadCommand('not an object')
  }
  return request
}

async function answer (peer, request) {
  try {
    const unknown = Object.keys(request).find((field) => !FIELDS.has(field))
    if (unknown !== undefined) {
      throw new BadCommand(`unknown field "${unknown}"`)
    }
    if (!Object.hasOwn(COMMANDS, request.cmd)) {
      throw new BadCommand(`no command "${request.cmd}"`)
    }
    const signal = AbortSignal.timeout(request.timeout_ms > 0 ? request.timeout_ms : DEFAULT_TIMEOUT_MS)
    setMaxListeners(Infinity, signal) // it watches over every stream of a command
    return { ...await COMMANDS[request.cmd](peer, request, signal), id: request.id, ok: true }
  } catch (error) {
    return failure(request.id, error)
  }
}

// serve answers commands, all at the same time, until quit or the end of stdin.
async function serve (peer) {
  for await (const line of createInterface({ input: process.stdin })) {
    if (line.trim() === '') {
      continue
    }
    let request
    try {
      request = parseCommand(line)
    } catch (error) {
      send(failure(null, error))
      continue
    }
    if (request.cmd === 'quit') {
      send({ id: request.id, ok: true })
      return
    }
    answer(peer, request).then(send)
  }
}

async function run (settings) {
  const host = await newHost(settings)
  const board = new Board(host)
  await installHandlers(host)
  installLookups(host)
  await host.start()
  send({
    event: 'listening',
    peer_id: host.peerId.toString(),
    addresses: dialableAddresses(host),
    implementation: `js-libp2p ${libraryVersion}`
  })
  await serve({ host, board, settings })
  await Promise.race([host.stop(), new Promise((resolve) => setTimeout(resolve, STOP_TIMEOUT_MS))])
}

try {
  await run(parseFlags(process.argv.slice(2)))
  process.exit(0)
} catch (error) {
  process.stderr.write(`peer: ${error.message}\n`)
  process.exit(1)
}
