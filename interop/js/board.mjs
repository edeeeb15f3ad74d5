// What identify and the network announce, kept for commands that wait for it.

export class Board {
  #host
  #identified = new Map() // of connected peers, by id as text
  #changed = Promise.withResolvers()

  constructor (host) {
    this.#host = host
    for (const event of ['connection:open', 'connection:close', 'peer:disconnect', 'peer:identify', 'peer:update']) {
      host.addEventListener(event, ({ detail }) => this.#record(event, detail))
    }
  }

  #record (event, detail) {
    if (event === 'connection:open') {
      this.#identify(detail)
    } else if (event === 'peer:identify') {
      const rounds = (this.get(detail.peerId)?.rounds ?? 0) + 1
      this.#identified.set(detail.peerId.toString(), { told: detail, rounds })
    } else if (event === 'peer:disconnect') {
      this.#identified.delete(detail.toString())
    }
    this.#wake()
  }

  async #identify (connection) {
    try {
      await this.#host.services.identify.identify(connection)
    } catch (error) {
      if (connection.status === 'open') {
        this.#identified.set(connection.remotePeer.toString(), { failed: error, rounds: 0 })
        this.#wake()
      }
    }
  }

  #wake () {
    this.#changed.resolve()
    this.#changed = Promise.withResolvers()
  }

  // What identify, or the latest push, told of a connected peer: `told` and `rounds`, or `failed`.
  get (peerId) {
    return this.#identified.get(peerId.toString())
  }

  // wait returns once the condition holds; it is asked again at each change.
  async wait (signal, condition) {
    const over = Promise.withResolvers()
    over.promise.catch(() => {})
    const stop = () => over.reject(signal.reason)
    signal.addEventListener('abort', stop, { once: true })
    try {
      for (;;) {
        const changed = this.#changed.promise
        if (await condition()) {
          return
        }
        await Promise.race([changed, over.promise])
        signal.throwIfAborted()
      }
    } finally {
      signal.removeEventListener('abort', stop)
    }
  }
}
