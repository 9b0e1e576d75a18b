import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startRelayProcess } from '@bgs/relay/testing/relay-process.ts'
import { prepareCorpus } from '@bgs/simnet/corpus.ts'
import { StreamModel } from '@bgs/simnet/model.ts'
import { SimPds } from '@bgs/simnet/pds.ts'
import { PlcDirectory } from '@bgs/simnet/plc.ts'
import { JudgingSubscriber } from '@bgs/simnet/subscriber.ts'

/** What one ingest run took. */
export interface IngestRun {
  readonly events: number
  readonly meanFrameBytes: number
  readonly seconds: number
  readonly eventsPerSecond: number
  readonly cpuMicrosPerEvent: number
  readonly peakRssMiB: number
  /** Every event once, in order per repo, bytes unchanged. */
  readonly exact: boolean
}

const DEADLINE_MS = 120_000

/** Many hosts that send as fast as they can, one judging subscriber, the relay in a process of its own. */
export async function measureIngest(options: {
  hosts: number
  accounts: number
  commits: number
}): Promise<IngestRun> {
  const { hosts, accounts, commits } = options
  const corpus = prepareCorpus({ seed: 1, hosts, accountsPerHost: accounts / hosts, commits })
  const plc = await PlcDirectory.start()
  const pdses = await Promise.all(Array.from({ length: hosts }, () => SimPds.start()))
  const model = new StreamModel()
  let bytes = 0
  for (const [i, pds] of pdses.entries()) {
    const part = corpus.host(i)
    bytes += part.bytes
    pds.loadCorpus(part)
    for (const event of part.expectedEvents()) model.add(event)
  }
  for (const record of corpus.didRecords(pdses.map(({ endpoint }) => endpoint))) plc.register(record)
  const folder = mkdtempSync(join(tmpdir(), 'relay-ingest-'))
  const relay = await startRelayProcess({
    RELAY_DATA_DIR: folder,
    RELAY_PLC_URL: plc.url,
    RELAY_HOSTS: pdses.map(({ endpoint }) => endpoint).join(','),
    RELAY_ALLOW_PRIVATE_HOSTS: 'true',
  })
  try {
    const started = performance.now()
    const subscriber = await JudgingSubscriber.connect({ url: relay.url, cursor: 0, model })
    await subscriber.untilCaughtUp(DEADLINE_MS)
    const seconds = (performance.now() - started) / 1_000
    const cpu = relay.cpuSeconds()
    const verdict = subscriber.verdict()
    await subscriber.close()
    return {
      events: commits,
      meanFrameBytes: Math.round(bytes / commits),
      seconds: round(seconds),
      eventsPerSecond: Math.round(commits / seconds),
      cpuMicrosPerEvent: round((cpu * 1e6) / commits),
      peakRssMiB: Math.round(relay.peakRss() / 2 ** 20),
      exact: verdict.ok,
    }
  } finally {
    await relay.kill('SIGKILL')
    await Promise.all(pdses.map((pds) => pds.close()))
    await plc.close()
    rmSync(folder, { recursive: true, force: true })
  }
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}
