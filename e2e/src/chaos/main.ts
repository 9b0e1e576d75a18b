import { parseArgs } from 'node:util'
import { chaosLine, runChaos } from './chaos.ts'

/** Faults a minute: what the machine that runs it all can take. */
const FAULTS_PER_MINUTE = 20

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '5' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    rate: { type: 'string', default: '60' },
    brokers: { type: 'string', default: '1' },
  },
})
const print = (line: string) => process.stdout.write(`${line}\n`)
print(`seed ${values.seed}: npm run chaos -- --minutes ${values.minutes} --seed ${values.seed}`)
const minutes = Number(values.minutes)
const result = await runChaos({
  seed: Number(values.seed),
  faults: Math.round(minutes * FAULTS_PER_MINUTE),
  ms: minutes * 60_000,
  ratePerSecond: Number(values.rate),
  brokers: values.brokers === '3' ? 3 : 1,
  print,
})
for (const finding of result.findings.slice(0, 50)) print(finding)
print(chaosLine(result))
process.exit(result.findings.length === 0 ? 0 : 1)
