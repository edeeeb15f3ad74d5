// Errors sorted into the few words that all peers share.

export class BadCommand extends Error {
  name = 'BadCommand'
}

export class NotConnected extends Error {
  name = 'NotConnected'
}

// The upgrade wraps what a handshake throws and keeps only its text, so the text tells a mismatch.
const MISMATCH = 'peer id mismatch: '

export const mismatch = (error) => new Error(`${MISMATCH}${error.message}`)

const KINDS = {
  BadCommand: 'bad_command',
  NotConnected: 'not_connected',
  UnsupportedProtocolError: 'protocol_not_supported',
  StreamResetError: 'stream_reset',
  TimeoutError: 'timeout',
  AbortError: 'timeout'
}

export function errorKind (error) {
  return errorText(error).includes(MISMATCH) ? 'peer_id_mismatch' : KINDS[error.name] ?? 'other'
}

export function errorText (error) {
  const causes = error.errors?.map((cause) => `; ${errorText(cause)}`) ?? []
  return `${error.name}: ${error.message}${causes.join('')}`
}
