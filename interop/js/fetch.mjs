// fetch: the values that this peer has, and the command that asks others for theirs.
import { createHash } from 'node:crypto'
import { target } from './targets.mjs'

const PREFIX = '/interop/'
const text = (bytes) => new TextDecoder().decode(bytes)

// installLookups answers keys under /interop/: a number stands for that many bytes, the rest is in the README.
export function installLookups ({ services }) {
  services.fetch.registerLookupFunction(PREFIX, async (key) => {
    const name = text(key).slice(PREFIX.length)
    if (name === 'key') {
      return key
    }
    if (name === 'error') {
      throw new Error('asked to fail')
    }
    return /^\d+$/.test(name) ? zerosAndOnes(Number(name)) : undefined
  })
}

function zerosAndOnes (count) {
  return Uint8Array.from({ length: count }, (_, i) => i & 1)
}

// fetchValue asks `count` times at once; all values must be the same.
export async function fetchValue (peer, request, signal) {
  const { remotePeer } = await target(peer, request, signal)
  const ask = () => peer.host.services.fetch.fetch(remotePeer, request.key, { signal })
  const values = await Promise.all(Array.from({ length: request.count ?? 1 }, ask))
  const found = values.map((value) => value && { bytes: value.byteLength, sha256: sha256(value) })
  if (found.some((one) => one?.sha256 !== found[0]?.sha256)) {
    throw new Error('the same key had several values')
  }
  return { found: found[0] !== undefined, ...found[0] }
}

const sha256 = (value) => createHash('sha256').update(value).digest('hex')
