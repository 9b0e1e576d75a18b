import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { NameServer } from '@bgs/testkit/name-server.ts'
import { until } from '@bgs/testkit/until.ts'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { NameLookup } from './name-lookup.ts'
import { nameServersAt } from './name-servers.ts'

let server: NameServer
let folder: string
const nowMs = { value: 0 }
beforeEach(async () => {
  nowMs.value = 0
  server = await NameServer.start()
  folder = mkdtempSync(join(tmpdir(), 'names-'))
})
afterEach(() => {
  server.close()
  rmSync(folder, { recursive: true })
})

const lookup = (change: Partial<ConstructorParameters<typeof NameLookup>[0]> = {}) =>
  new NameLookup({
    servers: nameServersAt([server.address]),
    hostsPath: join(folder, 'hosts'),
    now: () => nowMs.value,
    ...change,
  })

const failure = (names: NameLookup, name: string) =>
  names.addressesOf(name).then(
    () => undefined,
    (error: { code: string }) => error.code,
  )

describe('who is asked', () => {
  it('both families, IPv4 and IPv6 in turn', async () => {
    server.names.set('pds.example.com', ['192.0.2.1', '192.0.2.2', '2001:db8::1'])
    expect(await lookup().addressesOf('pds.example.com')).toEqual(['192.0.2.1', '2001:db8::1', '192.0.2.2'])
  })

  it('nobody for an address or localhost', async () => {
    const names = lookup()
    expect(await names.addressesOf('127.0.0.1')).toEqual(['127.0.0.1'])
    expect(await names.addressesOf('[::1]')).toEqual(['::1'])
    expect(await names.addressesOf('localhost')).toEqual(['127.0.0.1', '::1'])
    expect(await names.addressesOf('a.LOCALHOST.')).toEqual(['127.0.0.1', '::1'])
    expect(server.asked).toEqual([])
  })

  it('the hosts file comes before the name servers, and is read again when it changes', async () => {
    const path = join(folder, 'hosts')
    writeFileSync(
      path,
      '# a comment\n10.0.0.7 pds other.example.com # more\n::7 pds\nno-address x.example.com\n',
    )
    server.names.set('x.example.com', ['192.0.2.9'])
    const names = lookup()
    expect(await names.addressesOf('PDS')).toEqual(['10.0.0.7', '::7'])
    expect(await names.addressesOf('x.example.com')).toEqual(['192.0.2.9'])
    rmSync(path)
    nowMs.value += 10_000
    expect(await failure(names, 'pds')).toBe('ENOTFOUND')
  })

  it('the machine’s own resolver, where it is to be, for what name servers do not know', async () => {
    const asked: string[] = []
    const system = async (name: string) => {
      asked.push(name)
      if (name !== 'printer') throw new Error('unknown')
      return ['10.0.0.9']
    }
    server.names.set('pds.example.com', ['192.0.2.1'])
    const names = lookup({ system })
    expect(await names.addressesOf('pds.example.com')).toEqual(['192.0.2.1'])
    expect(await names.addressesOf('printer')).toEqual(['10.0.0.9'])
    expect(await failure(names, 'nobody')).toBe('ENOTFOUND')
    expect(asked).toEqual(['printer', 'nobody'])
    expect(await failure(lookup(), 'printer')).toBe('ENOTFOUND')
  })

  it('that one for a few names at a time', async () => {
    let underWay = 0
    let most = 0
    const gate = Promise.withResolvers<void>()
    const system = async () => {
      most = Math.max(most, ++underWay)
      await gate.promise
      underWay--
      return ['10.0.0.9']
    }
    const names = lookup({ system })
    const found = Array.from({ length: 20 }, (_, i) => `name${i}`).map((name) => names.addressesOf(name))
    await until('the first questions', () => underWay === 8)
    gate.resolve()
    await Promise.all(found)
    expect(most).toBe(8)
  })
})

describe('what is remembered', () => {
  it('an answer as long as the name server says, a minute at most; one question for all who ask', async () => {
    server.names.set('pds.example.com', ['192.0.2.1'])
    server.ttl = 3_600
    const names = lookup()
    await Promise.all(Array.from({ length: 10 }, () => names.addressesOf('pds.example.com')))
    nowMs.value += 59_000
    await names.addressesOf('PDS.example.com')
    expect(server.asked).toHaveLength(1)
    nowMs.value += 2_000
    server.ttl = 5
    await names.addressesOf('pds.example.com')
    nowMs.value += 6_000
    server.names.set('pds.example.com', ['192.0.2.2'])
    expect(await names.addressesOf('pds.example.com')).toEqual(['192.0.2.2'])
    expect(server.asked).toHaveLength(3)
  })

  it('that there is none, for some seconds', async () => {
    const names = lookup()
    expect(await failure(names, 'pds.example.com')).toBe('ENOTFOUND')
    server.names.set('pds.example.com', ['192.0.2.1'])
    expect(await failure(names, 'pds.example.com')).toBe('ENOTFOUND')
    nowMs.value += 6_000
    expect(await names.addressesOf('pds.example.com')).toEqual(['192.0.2.1'])
  })
})

describe('name servers that do not answer', () => {
  it('are no reason to say that there is no such name', async () => {
    server.names.set('odd.example.com', 'refuses')
    expect(await failure(lookup(), 'odd.example.com')).toBe('EAI_AGAIN')
    server.names.set('a.tarpit.example', 'silent')
    expect(await failure(lookup({ deadlineMs: 50 }), 'a.tarpit.example')).toBe('EAI_AGAIN')
  })

  it('a name with one family only, whose other question is never answered, is found', async () => {
    server.names.set('pds.example.com', ['192.0.2.1'])
    const real = nameServersAt([server.address])()
    const names = lookup({
      servers: () => ({
        resolve4: real.resolve4.bind(real) as never,
        resolve6: () => new Promise<never>(() => undefined),
        cancel: () => undefined,
      }),
    })
    expect(await names.addressesOf('pds.example.com')).toEqual(['192.0.2.1'])
  })

  it('of one domain leave room for all others, however many names it has', async () => {
    for (let i = 0; i < 300; i++) server.names.set(`a${i}.tarpit.example`, 'silent')
    server.names.set('pds.example.com', ['192.0.2.1'])
    const names = lookup({ deadlineMs: 500 })
    const tarpit = Array.from({ length: 300 }, (_, i) => failure(names, `a${i}.tarpit.example`))
    await until('the questions', () => server.asked.length >= 64)
    expect(await names.addressesOf('pds.example.com')).toEqual(['192.0.2.1'])
    expect(new Set(server.asked).size).toBe(65)
    expect(new Set(await Promise.all(tarpit))).toEqual(new Set(['EAI_AGAIN']))
  })

  it('are waited for no longer once the process ends', async () => {
    for (let i = 0; i < 100; i++) server.names.set(`a${i}.tarpit.example`, 'silent')
    const names = lookup()
    const asked = Array.from({ length: 100 }, (_, i) => failure(names, `a${i}.tarpit.example`))
    await until('the questions', () => server.asked.length >= 64)
    names.end()
    expect(new Set(await Promise.all(asked))).toEqual(new Set(['EAI_AGAIN']))
    expect(new Set(server.asked).size).toBe(64)
  })
})
