import { afterEach, beforeEach, expect, it } from 'vitest'
import { SimAccount } from './account.ts'
import { PlcDirectory } from './plc.ts'
import { Random } from './random.ts'

let plc: PlcDirectory
let account: SimAccount

beforeEach(async () => {
  plc = await PlcDirectory.start()
  account = await SimAccount.create({ random: new Random('plc'), handle: 'a.example.com' })
})
afterEach(() => plc.close())

const ask = async () => {
  const answer = await fetch(`${plc.url}/${account.did}`)
  const { service } = (await answer.json()) as { service?: [{ serviceEndpoint: string }] }
  return service?.[0].serviceEndpoint ?? answer.status
}

it('a directory that is behind answers as it stood: without a new DID, with the former document of another', async () => {
  plc.setGlobalFault({ kind: 'behind', millis: 60_000 })
  plc.registerAccount(account, 'http://one.example.com')
  expect(await ask()).toBe(404)
  plc.setGlobalFault({ kind: 'behind', millis: 1 })
  await new Promise((done) => setTimeout(done, 5))
  expect(await ask()).toBe('http://one.example.com')
  plc.update(account.did, { pds: 'http://two.example.com' })
  plc.setGlobalFault(null)
  expect(await ask()).toBe('http://two.example.com')
  await new Promise((done) => setTimeout(done, 300))
  plc.update(account.did, { pds: 'http://three.example.com' })
  plc.setGlobalFault({ kind: 'behind', millis: 150 })
  expect(await ask()).toBe('http://two.example.com')
})

it('a flaky directory fails for its share of the calls', async () => {
  plc.registerAccount(account, 'http://one.example.com')
  plc.setGlobalFault({ kind: 'flaky', share: 1 })
  expect(await ask()).toBe(500)
  plc.setGlobalFault({ kind: 'flaky', share: 0 })
  expect(await ask()).toBe('http://one.example.com')
})
