// Streams read by demand, written with backpressure, and ended by a command's time limit.
import { Uint8ArrayList } from 'uint8arraylist'

const QUEUE_BYTES = 256 * 1024

// Incoming queues what a stream delivers and pauses it while nobody takes that.
export class Incoming {
  #stream
  #queue = new Uint8ArrayList()
  #failed
  #waiting

  constructor (stream) {
    this.#stream = stream
    stream.addEventListener('message', ({ data }) => {
      this.#queue.append(data)
      if (this.#queue.byteLength >= QUEUE_BYTES && stream.readStatus === 'readable') {
        stream.pause()
      }
      this.#waiting?.resolve()
    })
    stream.addEventListener('close', ({ error }) => {
      this.#failed = error
      this.#waiting?.resolve()
    })
    stream.addEventListener('end', () => this.#waiting?.resolve())
  }

  // At most `max` bytes, or null at the end of the stream. Rejects once the stream was reset.
  async read (max = Infinity) {
    for (;;) {
      if (this.#queue.byteLength > 0) {
        const taken = this.#queue.sublist(0, Math.min(max, this.#queue.byteLength))
        this.#queue.consume(taken.byteLength)
        return taken
      }
      if (this.#stream.readStatus === 'paused') {
        this.#stream.resume()
        continue
      }
      if (this.#failed !== undefined) {
        throw this.#failed
      }
      if (this.#ended()) {
        return null
      }
      this.#waiting = Promise.withResolvers()
      await this.#waiting.promise
    }
  }

  // A stream says "end" too early twice: of a reset, before it says what it was, and when the negotiation of the
  // protocol holds the last bytes and has yet to give them back.
  #ended () {
    const { readableEnded, readBufferLength, status } = this.#stream
    return readableEnded && readBufferLength === 0 && status !== 'reset' && status !== 'aborted'
  }

  // Exactly `size` bytes in one piece, or null if the stream ends before the first of them.
  async readExactly (size) {
    const whole = new Uint8ArrayList()
    while (whole.byteLength < size) {
      const part = await this.read(size - whole.byteLength)
      if (part === null) {
        if (whole.byteLength === 0) {
          return null
        }
        throw new Error(`the stream ended after ${whole.byteLength} of ${size} bytes`)
      }
      whole.append(part)
    }
    return whole.subarray()
  }
}

// Stream.onDrain() waits once in a stream's life only: after the first time it returns at once.
function drained (stream) {
  return new Promise((resolve, reject) => {
    const settle = (event) => {
      stream.removeEventListener('drain', settle)
      stream.removeEventListener('close', settle)
      if (event.type === 'drain') {
        resolve()
      } else {
        reject(event.error ?? new Error('the stream was closed while writing'))
      }
    }
    stream.addEventListener('drain', settle)
    stream.addEventListener('close', settle)
  })
}

export async function write (stream, data) {
  if (!stream.send(data)) {
    while (stream.writableNeedsDrain) {
      await drained(stream)
    }
  }
}

// openStream opens a stream on a standing connection; what hangs on it ends with the signal.
export async function openStream (connection, protocol, signal) {
  const stream = await connection.newStream(protocol, { signal, maxOutboundStreams: Infinity })
  const stop = () => stream.abort(signal.reason)
  signal.addEventListener('abort', stop, { once: true })
  stream.addEventListener('close', () => signal.removeEventListener('abort', stop))
  return stream
}
