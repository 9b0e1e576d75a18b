import type { Disk, DiskFile } from '@bgs/embedded/log/disk.ts'

/** What a power loss leaves of a write is decided for each of these on its own. */
const SECTOR_BYTES = 512

/** Bytes that grow: what is behind them, within what was allocated, is zero. */
class Bytes {
  #buffer: Buffer
  length: number

  constructor(bytes: Uint8Array) {
    this.#buffer = Buffer.from(bytes)
    this.length = bytes.length
  }

  /** As they are now: valid until the next change. */
  get view(): Buffer {
    return this.#buffer.subarray(0, this.length)
  }

  write(bytes: Uint8Array, at: number): void {
    this.resize(Math.max(this.length, at + bytes.length))
    this.#buffer.set(bytes, at)
  }

  resize(length: number): void {
    if (length < this.length) this.#buffer.fill(0, length, this.length)
    if (length > this.#buffer.length) {
      const grown = Buffer.alloc(Math.max(length, 2 * this.#buffer.length))
      this.view.copy(grown)
      this.#buffer = grown
    }
    this.length = length
  }
}

/** A file apart from its name, as the disk has it now and as it would be found after a power loss. */
class Content {
  readonly #now: Bytes
  readonly #durable: Bytes
  /** Sectors written since the last datasync. */
  readonly dirty = new Set<number>()
  /** What it was before it was truncated since then: the disk may have taken that already, and not the truncation. */
  #before: Buffer[] = []
  /** The least length that it was truncated to since then. */
  #cutTo = Number.POSITIVE_INFINITY

  constructor(bytes: Uint8Array) {
    this.#now = new Bytes(bytes)
    this.#durable = new Bytes(bytes)
  }

  /** As they are now: valid until the next change. */
  get now(): Buffer {
    return this.#now.view
  }

  write(bytes: Uint8Array, at: number): void {
    this.#now.write(bytes, at)
    for (let i = Math.floor(at / SECTOR_BYTES); i * SECTOR_BYTES < at + bytes.length; i++) this.dirty.add(i)
  }

  truncate(length: number): void {
    this.#before.push(Buffer.from(this.now))
    this.#cutTo = Math.min(this.#cutTo, length)
    this.#now.resize(length)
  }

  sync(): void {
    const { now } = this
    // Behind where it was truncated there is nothing of before, whatever was written further on since.
    if (this.#cutTo < this.#durable.length) this.#durable.resize(this.#cutTo)
    this.#durable.resize(now.length)
    for (const sector of this.dirty) {
      const at = sector * SECTOR_BYTES
      if (at < now.length) this.#durable.write(now.subarray(at, at + SECTOR_BYTES), at)
    }
    this.dirty.clear()
    this.#before = []
    this.#cutTo = Number.POSITIVE_INFINITY
  }

  /** What is found after a power loss: any of the lengths it had, any subset of what was not synced. */
  afterLoss(random: () => number): Buffer {
    const written = pick([this.now, ...this.#before], random)
    const durable = this.#durable.view
    const lengths = [durable.length, written.length]
    const [least = 0, most = 0] = lengths.sort((a, b) => a - b)
    const length = pick([least, most, least + Math.floor(random() * (most - least + 1))], random)
    const found = Buffer.alloc(length)
    durable.copy(found)
    const share = pick([0, 0.5, 1], random)
    for (const sector of this.dirty) {
      const at = sector * SECTOR_BYTES
      if (random() < share && at < length) written.copy(found, at, at, at + SECTOR_BYTES)
    }
    return found
  }
}

/** The operations that can be made to fail. */
export type DiskOperation = 'open' | 'write' | 'truncate' | 'datasync' | 'remove' | 'syncFolder'

/**
 * A disk in memory that keeps what was written apart from what was synced, data by `datasync` and names by
 * `syncFolder`, as POSIX promises no more. `afterPowerLoss` is what a machine finds that lost its power now.
 */
export class PowerLossDisk implements Disk {
  /** Bytes that fit; a write beyond writes what fits and fails with ENOSPC. */
  capacity = Number.POSITIVE_INFINITY
  /** Called before each operation that changes something; what it throws is the operation's outcome. */
  before: (operation: DiskOperation, path: string) => void = () => undefined
  /** Files open now: none may be left behind. */
  openFiles = 0
  readonly #names = new Map<string, Content>()
  #durableNames = new Map<string, Content>()

  /** The disk after a power loss; this one should not be used again. */
  afterPowerLoss(random: () => number): PowerLossDisk {
    const found = new PowerLossDisk()
    for (const path of new Set([...this.#names.keys(), ...this.#durableNames.keys()])) {
      const now = this.#names.get(path)
      const durable = this.#durableNames.get(path)
      const content = now === durable ? now : pick([now, durable], random)
      if (content !== undefined) found.put(path, content.afterLoss(random))
    }
    return found
  }

  /** Bytes of a file as they are now. */
  bytes(path: string): Buffer {
    return Buffer.from(this.#content(path).now)
  }

  /** Puts a file there, durably. */
  put(path: string, bytes: Uint8Array): void {
    const content = new Content(bytes)
    this.#names.set(path, content)
    this.#durableNames.set(path, content)
  }

  paths(): string[] {
    return [...this.#names.keys()].sort((a, b) => (a < b ? -1 : 1))
  }

  async list(folder: string): Promise<string[]> {
    return this.paths()
      .filter((path) => path.startsWith(`${folder}/`))
      .map((path) => path.slice(folder.length + 1))
  }

  async open(path: string): Promise<DiskFile> {
    // Slower than a removal, so that the two can cross.
    await tick()
    await tick()
    this.before('open', path)
    let content = this.#names.get(path)
    if (content === undefined) {
      content = new Content(new Uint8Array())
      this.#names.set(path, content)
    }
    this.openFiles++
    return this.#file(path, content)
  }

  async remove(path: string): Promise<void> {
    await tick()
    this.before('remove', path)
    this.#content(path)
    this.#names.delete(path)
  }

  async rename(from: string, to: string): Promise<void> {
    await tick()
    this.#names.set(to, this.#content(from))
    this.#names.delete(from)
  }

  async syncFolder(folder: string): Promise<void> {
    await tick()
    this.before('syncFolder', folder)
    this.#durableNames = new Map(this.#names)
  }

  async space(): Promise<{ free: number; total: number }> {
    return { free: this.capacity - this.#used(), total: this.capacity }
  }

  #file(path: string, content: Content): DiskFile {
    const file: DiskFile = {
      size: async () => content.now.length,
      read: async (into, position) => {
        await tick()
        const part = content.now.subarray(position, position + into.length)
        into.set(part)
        return part.length
      },
      write: async (bytes, position) => {
        await tick()
        this.before('write', path)
        const room = this.capacity - this.#used() + Math.max(0, content.now.length - position)
        content.write(bytes.subarray(0, Math.max(0, room)), position)
        if (bytes.length > room) throw diskError('ENOSPC')
      },
      writeDurably: async (bytes, position) => {
        await file.write(bytes, position)
        await file.datasync()
      },
      truncate: async (length) => {
        await tick()
        this.before('truncate', path)
        content.truncate(length)
      },
      datasync: async () => {
        await tick()
        this.before('datasync', path)
        content.sync()
      },
      close: async () => {
        this.openFiles--
      },
    }
    return file
  }

  #content(path: string): Content {
    const content = this.#names.get(path)
    if (content === undefined) throw diskError('ENOENT')
    return content
  }

  #used(): number {
    let bytes = 0
    for (const content of this.#names.values()) bytes += content.now.length
    return bytes
  }
}

/** An error as the operating system gives it. */
export function diskError(code: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${code}: made by the test`), { code })
}

function pick<T>(items: readonly T[], random: () => number): T {
  return items[Math.floor(random() * items.length)] as T
}

/** A real disk answers later. */
function tick(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
