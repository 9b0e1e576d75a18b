import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Child } from './child.ts'
import { median, RUNS, round } from './medians.ts'
import { Meter } from './meter.ts'
import { type Certificate, selfSigned } from './self-signed.ts'
import type { TlsReaderAnswers } from './tls-reader-process.ts'
import type { TlsSenderAnswers } from './tls-sender-process.ts'

/** A frame's CPU without and with TLS, in the process that a row is about. */
interface TlsRow {
  readonly what: string
  readonly frameBytes: number
  readonly plainMicros: number
  readonly tlsMicros: number
  readonly tlsCostsMicros: number
  /** Cores that something else on this machine kept busy, in each run. */
  readonly otherCores: readonly number[]
}

/** How frames go from the sender to readers. */
interface Traffic {
  readonly what: string
  readonly measured: 'reader' | 'sender'
  /** null: the crawler's own connection, one. */
  readonly subscribers: number | null
  readonly framesPerWrite: number
  readonly writes: number
  readonly warmUpWrites: number
}

const FRAME_BYTES = [2_500, 5_000] as const
/** Of a WebSocket frame of these sizes. */
const HEADER_BYTES = 4

const TRAFFICS: readonly Traffic[] = [
  {
    what: "ingest: the crawler's connection reads, the host writes each frame by itself (ws, wss)",
    measured: 'reader',
    subscribers: null,
    framesPerWrite: 1,
    writes: 20_000,
    warmUpWrites: 5_000,
  },
  {
    what: 'fan-out, an estimate of what a TLS terminator in Node pays: 100 sockets, 10 frames a write, no relay (net, tls)',
    measured: 'sender',
    subscribers: 100,
    framesPerWrite: 10,
    writes: 100,
    warmUpWrites: 30,
  },
]

/** One run: µs of CPU for a frame that was read or delivered. */
async function measureOnce(
  traffic: Traffic,
  frameBytes: number,
  certificate: Certificate,
  tls: boolean,
): Promise<{ micros: number; otherCores: number }> {
  const { subscribers, framesPerWrite, measured } = traffic
  await using sender = new Child<TlsSenderAnswers>(new URL('./tls-sender-process.ts', import.meta.url))
  await using reader = new Child<TlsReaderAnswers>(new URL('./tls-reader-process.ts', import.meta.url), {
    NODE_EXTRA_CA_CERTS: certificate.certFile,
  })
  const port = await sender.ask('listen', tls ? certificate : null)
  if (subscribers === null) await reader.ask('crawl', `${tls ? 'https' : 'http'}://localhost:${port}`)
  else await reader.ask('subscribe', { port, tls, count: subscribers })
  const count = subscribers ?? 1
  await sender.ask('connected', count)
  const send = async (writes: number): Promise<number> => {
    const frames = writes * framesPerWrite * count
    const awaited = subscribers === null ? frames : frames * (frameBytes + HEADER_BYTES)
    await Promise.all([
      reader.ask('reach', awaited),
      sender.ask('send', { writes, framesPerWrite, frameBytes }),
    ])
    return frames
  }
  await send(traffic.warmUpWrites)
  const meter = new Meter({ sender, reader })
  const frames = await send(traffic.writes)
  const cpu = meter.read()
  return { micros: (cpu[measured] * 1e6) / frames, otherCores: cpu.otherCores }
}

/** `tls`: what TLS adds to reading from hosts, and what it would add to sending. */
export async function benchTls(): Promise<unknown> {
  using stack = new DisposableStack()
  const folder = mkdtempSync(join(tmpdir(), 'relay-bench-'))
  stack.defer(() => rmSync(folder, { recursive: true, force: true }))
  const certificate = selfSigned(folder)
  const rows: TlsRow[] = []
  for (const traffic of TRAFFICS)
    for (const frameBytes of FRAME_BYTES) rows.push(await measureRow(traffic, frameBytes, certificate))
  return { bench: 'tls', rows }
}

async function measureRow(traffic: Traffic, frameBytes: number, certificate: Certificate): Promise<TlsRow> {
  const micros: { plain: number[]; tls: number[] } = { plain: [], tls: [] }
  const otherCores: number[] = []
  for (let i = 0; i < RUNS; i++)
    for (const way of ['plain', 'tls'] as const) {
      const run = await measureOnce(traffic, frameBytes, certificate, way === 'tls')
      micros[way].push(run.micros)
      otherCores.push(run.otherCores)
    }
  const [plain, tls] = [median(micros.plain), median(micros.tls)]
  return {
    what: traffic.what,
    frameBytes,
    plainMicros: round(plain, 2),
    tlsMicros: round(tls, 2),
    tlsCostsMicros: round(tls - plain, 2),
    otherCores,
  }
}
