import { closeSync, fstatSync, openSync, readSync, writeSync } from 'node:fs'

/** Bytes gathered before a write. */
const WRITE_BYTES = 4 * 1024 * 1024

/** Writes a corpus file front to back: data, then a JSON description, then 16 bytes that say where that is. */
export class CorpusFileWriter {
  /** Bytes written so far, gathered ones included. */
  position = 0
  private readonly fd: number
  private pending: Buffer[] = []
  private pendingBytes = 0

  constructor(file: string) {
    this.fd = openSync(file, 'w')
  }

  write(bytes: Buffer): void {
    this.pending.push(bytes)
    this.pendingBytes += bytes.length
    this.position += bytes.length
    if (this.pendingBytes >= WRITE_BYTES) this.flush()
  }

  finish(description: Buffer): void {
    const tail = Buffer.alloc(16)
    tail.writeDoubleLE(this.position, 0)
    tail.writeDoubleLE(description.length, 8)
    this.write(description)
    this.write(tail)
    this.flush()
  }

  [Symbol.dispose](): void {
    closeSync(this.fd)
  }

  private flush(): void {
    const bytes = Buffer.concat(this.pending)
    for (let done = 0; done < bytes.length; ) done += writeSync(this.fd, bytes, done)
    this.pending = []
    this.pendingBytes = 0
  }
}

/** The JSON description of a corpus file. */
export function readDescription(file: string): unknown {
  const fd = openSync(file, 'r')
  try {
    const tail = readExactly(fd, 16, fstatSync(fd).size - 16)
    return JSON.parse(readExactly(fd, tail.readDoubleLE(8), tail.readDoubleLE(0)).toString())
  } finally {
    closeSync(fd)
  }
}

export function readRange(file: string, length: number, position: number): Buffer {
  const fd = openSync(file, 'r')
  try {
    return readExactly(fd, length, position)
  } finally {
    closeSync(fd)
  }
}

function readExactly(fd: number, length: number, position: number): Buffer {
  const buffer = Buffer.allocUnsafeSlow(length)
  for (let done = 0; done < length; ) {
    const read = readSync(fd, buffer, done, length - done, position + done)
    if (read === 0)
      throw new Error(`corpus file ends ${length - done} bytes early; delete it to build it again`)
    done += read
  }
  return buffer
}
