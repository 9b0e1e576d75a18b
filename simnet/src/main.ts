import { parseArgs } from 'node:util'
import { runActivity } from './activity.ts'
import { SimNetwork } from './network.ts'

const USAGE = `simnet: a network in a box

  node simnet/src/main.ts [--hosts 3] [--accounts 5] [--rate 5] [--seed 1] [--plc-port N] [--pds-port N]

  --hosts     number of hosts (PDS)
  --accounts  accounts per host at the start
  --rate      things that happen per second
  --seed      the same seed gives the same people and the same choices
  --plc-port  port of the PLC directory; default a free one
  --pds-port  port of the first host, the others follow it; default free ones
`

const { values } = parseArgs({
  options: {
    hosts: { type: 'string', default: '3' },
    accounts: { type: 'string', default: '5' },
    rate: { type: 'string', default: '5' },
    seed: { type: 'string', default: '1' },
    'plc-port': { type: 'string' },
    'pds-port': { type: 'string' },
    help: { type: 'boolean', default: false },
  },
})

if (values.help) process.stdout.write(USAGE)
else await run()

async function run(): Promise<void> {
  const stop = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort())
  const hosts = positive('hosts', values.hosts)
  const firstPort = values['pds-port'] === undefined ? null : positive('pds-port', values['pds-port'])
  const network = await SimNetwork.start({
    seed: positive('seed', values.seed),
    hosts,
    accountsPerHost: positive('accounts', values.accounts),
    ...(values['plc-port'] === undefined ? {} : { plcPort: positive('plc-port', values['plc-port']) }),
    ...(firstPort === null ? {} : { pdsPorts: Array.from({ length: hosts }, (_, i) => firstPort + i) }),
  })
  for (const [name, value] of Object.entries(network.relayEnv())) process.stdout.write(`${name}=${value}\n`)
  await runActivity(network, positive('rate', values.rate), stop.signal)
  await network.close()
}

function positive(name: string, text: string): number {
  const value = Number(text)
  if (Number.isSafeInteger(value) && value > 0) return value
  process.stderr.write(`--${name} must be a positive integer, for example --${name} 5; got ${text}\n`)
  process.exit(2)
}
