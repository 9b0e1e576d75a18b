import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { until } from '@bgs/testkit/until.ts'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { linesLost } from './log-counts.ts'
import { LogOutput, MAX_LINE_BYTES } from './log-output.ts'
import { type LeftOut, LogRate } from './log-rate.ts'
import { loggerInto } from './logger.ts'

type Line = Record<string, unknown>

/** A reader that takes so many bytes at once, until it is told to read on. */
class Reader {
  room: number
  text = ''
  fault: Error | undefined
  constructor(room = Number.POSITIVE_INFINITY) {
    this.room = room
  }
  write(bytes: Uint8Array): number {
    if (this.fault !== undefined) throw this.fault
    const taken = Math.min(this.room, bytes.length)
    this.room -= taken
    this.text += Buffer.from(bytes.subarray(0, taken)).toString()
    return taken
  }
  get lines(): Line[] {
    return this.text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Line)
  }
}

const ANY = { take: () => true }

function logging(reader: Reader, limit: Pick<LogRate, 'take'> = ANY) {
  const output = new LogOutput(() => reader)
  return { output, logger: loggerInto(output, 'debug', limit) }
}

afterEach(() => vi.restoreAllMocks())

describe('a line', () => {
  it('has its fields as they are', () => {
    const reader = new Reader()
    const { logger } = logging(reader)
    logger
      .child({ part: 'x' })
      .info({ host: 'pds.example', seq: 7, ok: true, list: [1, 'a'], none: null }, 'hello')
    expect(reader.lines).toEqual([
      {
        level: 'info',
        time: expect.any(String),
        part: 'x',
        host: 'pds.example',
        seq: 7,
        ok: true,
        list: [1, 'a'],
        none: null,
        msg: 'hello',
      },
    ])
  })

  it('tells an error with its parts and causes, and nothing that hangs on it but the code', () => {
    const reader = new Reader()
    const { logger } = logging(reader)
    const parts = [new Error('connect ECONNREFUSED ::1:1'), new Error('connect ETIMEDOUT 192.0.2.1:1')]
    const error = Object.assign(new AggregateError(parts), { code: 'ECONNREFUSED', password: 'secret' })
    logger.warn({ err: error }, 'no')
    logger.warn(new Error('bare', { cause: error }))
    expect(reader.lines).toMatchObject([
      { err: { code: 'ECONNREFUSED', message: 'connect ECONNREFUSED ::1:1; connect ETIMEDOUT 192.0.2.1:1' } },
      { err: { message: 'bare: connect ECONNREFUSED ::1:1; connect ETIMEDOUT 192.0.2.1:1' } },
    ])
    expect(reader.text).not.toContain('secret')
  })

  it.each([
    ['a long string', { a: 'x'.repeat(10_000_000) }],
    ['one that grows when it is escaped', { a: '\u0000'.repeat(2_000), b: '\u0000'.repeat(100_000) }],
    [
      'many fields',
      Object.fromEntries(Array.from({ length: 5_000 }, (_, i) => [`field ${i}`, 'y'.repeat(500)])),
    ],
    ['a long list', { a: Array.from({ length: 100_000 }, () => 'z'.repeat(100)) }],
    ['a long name', { ['n'.repeat(1_000_000)]: 1 }],
    ['bytes', { a: Buffer.alloc(1_000_000) }],
    ['an error', { err: new Error('e'.repeat(1_000_000)) }],
    ['wide and deep', { a: wide(8) }],
    ['wide and empty', { a: new Array(40).fill(new Array(40).fill(new Array(40).fill([]))) }],
  ])('is bounded: %s', (_what, fields) => {
    const reader = new Reader()
    logging(reader).logger.info(fields, 'it')
    expect(reader.text.length).toBeLessThanOrEqual(MAX_LINE_BYTES)
    expect(reader.lines).toMatchObject([{ level: 'info', msg: 'it' }])
  })

  it('is bounded in its message, and in what a child brings along', () => {
    const reader = new Reader()
    const { logger } = logging(reader)
    logger.child({ host: 'h'.repeat(1_000_000) }).info('m'.repeat(1_000_000))
    logger.info('%s', 'p'.repeat(1_000_000))
    expect(reader.text.length).toBeLessThanOrEqual(2 * MAX_LINE_BYTES)
    expect(reader.lines[1]).toMatchObject({ level: 'info', cutBytes: expect.any(Number) })
  })

  it('of an object in a circle is bounded, too', () => {
    const circle: Line = { name: 'c' }
    circle['self'] = circle
    const reader = new Reader()
    logging(reader).logger.info(circle, 'it')
    expect(reader.lines[0]?.['msg']).toBe('it')
  })
})

function wide(depth: number): object | string {
  return depth === 0 ? 'w'.repeat(3_000) : new Array(30).fill(wide(depth - 1))
}

describe('a reader that stops', () => {
  it('costs a bounded memory; what is left out is counted and said, fatal lines are kept', async () => {
    const reader = new Reader(1_000)
    const { output, logger } = logging(reader)
    const before = linesLost('full')
    for (let i = 0; i < 5_000; i++) logger.info({ i, text: 'x'.repeat(1_000) }, 'flood')
    expect(output.waitingBytes).toBeLessThanOrEqual(1024 * 1024)
    expect(output.waitingBytes).toBeGreaterThan(1024 * 1024 - 2_000)
    const lost = linesLost('full') - before
    expect(lost).toBeGreaterThan(3_000)
    logger.fatal('the end')
    reader.room = Number.POSITIVE_INFINITY
    await until('all of it', () => output.waitingBytes === 0)
    const { lines } = reader
    expect(lines.filter(({ msg }) => msg === 'flood').map(({ i }) => i)).toEqual(
      Array.from({ length: 5_000 - lost }, (_, i) => i),
    )
    expect(lines.at(-2)).toMatchObject({ level: 'fatal', msg: 'the end' })
    expect(lines.at(-1)).toMatchObject({ level: 'warn', lines: lost })
  })

  it('and comes back gets whole lines, however little it takes at once', async () => {
    const reader = new Reader(7)
    const { output, logger } = logging(reader)
    for (let i = 0; i < 20; i++) logger.info({ i }, 'line')
    reader.room = 100
    await until('some', () => reader.room === 0)
    reader.room = Number.POSITIVE_INFINITY
    await until('all', () => output.waitingBytes === 0)
    expect(reader.lines.map(({ i }) => i)).toEqual(Array.from({ length: 20 }, (_, i) => i))
  })

  it('and is gone is no fault; lines are written again as soon as they can be', () => {
    const reader = new Reader()
    const { output, logger } = logging(reader)
    const before = linesLost('unwritable')
    reader.fault = Object.assign(new Error('write EPIPE'), { code: 'EPIPE' })
    logger.info('one')
    logger.fatal('two')
    expect([linesLost('unwritable') - before, output.waitingBytes]).toEqual([2, 0])
    reader.fault = undefined
    logger.info('three')
    expect(reader.lines).toMatchObject([{ msg: 'three' }])
  })
})

describe('the same again and again', () => {
  function limited() {
    let nowMs = 0
    vi.spyOn(performance, 'now').mockImplementation(() => nowMs)
    const leftOut: LeftOut[] = []
    const rate = new LogRate((one) => leftOut.push(one))
    const reader = new Reader()
    const { logger } = logging(reader, rate)
    const next = () => {
      nowMs += 1_000
    }
    return { reader, logger, leftOut, next }
  }

  it('is said fifty times a second, then how often it was left out; other things are said', () => {
    const { reader, logger, leftOut, next } = limited()
    const before = linesLost('rate')
    for (let i = 0; i < 10_000; i++) logger.warn({ host: `h${i}` }, 'a host is odd')
    logger.info('a host is odd')
    logger.warn('something else')
    expect(reader.lines).toHaveLength(52)
    expect(linesLost('rate') - before).toBe(9_950)
    next()
    logger.warn('a host is odd')
    expect(leftOut).toEqual([{ level: 40, message: 'a host is odd', lines: 9_950 }])
    expect(reader.lines).toHaveLength(53)
  })

  it('kinds without end are bounded together, and fatal lines never left out', () => {
    const { reader, logger, leftOut, next } = limited()
    for (let i = 0; i < 10_000; i++) logger.warn(`host ${i} is odd`)
    // 500 kinds, and one for all the others.
    expect(reader.lines).toHaveLength(550)
    for (let i = 0; i < 100; i++) logger.fatal('the end')
    expect(reader.lines).toHaveLength(650)
    next()
    logger.info('x')
    expect(leftOut).toEqual([{ level: 40, message: '', lines: 9_450 }])
  })
})

describe('a process', () => {
  const MODULE = JSON.stringify(join(import.meta.dirname, 'logger.ts'))
  const SOURCE = (body: string) => `
    import { createLogger } from ${MODULE}
    const logger = createLogger('info')
    const big = 'x'.repeat(1_000)
    ${body}`
  const run = (body: string) =>
    spawn(process.execPath, ['--input-type=module', '-e', SOURCE(body)], {
      stdio: ['ignore', 'pipe', 'pipe'],
    })

  it('whose pipe nobody reads goes on, ends when it will, with the last lines where there is room', async () => {
    const child = run(`
      for (let i = 0; i < 20_000; i++) logger.warn({ i, big }, 'kind ' + (i % 400))
      process.stderr.write('went on')
      logger.fatal('the end')
      process.exit(3)`)
    let output = ''
    child.stderr.on('data', (bytes: Buffer) => {
      output += bytes.toString()
    })
    // Nobody reads child.stdout.
    const [code] = (await once(child, 'exit')) as [number]
    expect([code, output]).toEqual([3, 'went on'])
    child.stdout.destroy()
  })

  it('whose reader has gone is not ended by it', async () => {
    const child = run(`
      process.stdin.on('error', () => undefined)
      let i = 0
      const timer = setInterval(() => {
        logger.info({ i }, 'line')
        if (++i === 50) { clearInterval(timer); process.exit(4) }
      }, 1)`)
    child.stdout.destroy()
    const [code] = (await once(child, 'exit')) as [number]
    expect(code).toBe(4)
  })

  it('says at its end what it left out', async () => {
    const child = run(`for (let i = 0; i < 70; i++) logger.info('again')`)
    let text = ''
    child.stdout.on('data', (bytes: Buffer) => {
      text += bytes.toString()
    })
    await once(child, 'close')
    const lines = text.trim().split('\n')
    expect(lines).toHaveLength(51)
    expect(JSON.parse(lines.at(-1) as string)).toMatchObject({ level: 'info', lines: 20 })
  })

  it('writes its last lines before it exits, and from its threads', async () => {
    const child = run(`
      import { Worker } from 'node:worker_threads'
      const source = ${JSON.stringify(`import(${MODULE}).then(({ createLogger }) => createLogger('info').info('from a thread'))`)}
      new Worker(source, { eval: true }).on('exit', () => {
        for (let i = 0; i < 40; i++) logger.info({ i, big }, 'line')
        process.exit(0)
      })`)
    let text = ''
    child.stdout.on('data', (bytes: Buffer) => {
      text += bytes.toString()
    })
    await once(child, 'close')
    const messages = text
      .trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as Line)['msg'])
    expect(messages).toEqual(['from a thread', ...Array.from({ length: 40 }, () => 'line')])
  })
})
