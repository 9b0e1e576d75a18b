import { readFileSync, statSync } from 'node:fs'
import { isIP } from 'node:net'

/** A larger file is not one that somebody keeps by hand. */
const MAX_BYTES = 1024 * 1024
/** The file is looked at for changes so often. */
const LOOK_EVERY_MS = 5_000

/** What `/etc/hosts` says: names that an operator, a container or a pod's `hostAliases` gives addresses to. */
export class HostsFile {
  readonly #path: string
  readonly #now: () => number
  #addresses = new Map<string, string[]>()
  #mtimeMs = -1
  #lookedMs = Number.NEGATIVE_INFINITY

  constructor(path: string, now: () => number) {
    this.#path = path
    this.#now = now
  }

  /** Addresses of a lower-case name, in the file's order; empty where the file does not name it. */
  addressesOf(name: string): readonly string[] {
    if (this.#now() - this.#lookedMs >= LOOK_EVERY_MS) this.#look()
    return this.#addresses.get(name) ?? []
  }

  #look(): void {
    this.#lookedMs = this.#now()
    try {
      const { mtimeMs, size } = statSync(this.#path)
      if (mtimeMs === this.#mtimeMs) return
      this.#mtimeMs = mtimeMs
      this.#addresses = size > MAX_BYTES ? new Map() : parse(readFileSync(this.#path, 'utf8'))
    } catch {
      // No file names nobody.
      this.#mtimeMs = -1
      this.#addresses = new Map()
    }
  }
}

function parse(text: string): Map<string, string[]> {
  const addresses = new Map<string, string[]>()
  for (const line of text.split('\n')) {
    const [address = '', ...names] = line.replace(/#.*$/, '').trim().split(/\s+/)
    if (isIP(address) === 0) continue
    for (const name of names) {
      const known = addresses.get(name.toLowerCase())
      if (known === undefined) addresses.set(name.toLowerCase(), [address])
      else if (!known.includes(address)) known.push(address)
    }
  }
  return addresses
}
