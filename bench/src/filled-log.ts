import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { hashDid } from '@bgs/contract/bus/partition.ts'
import { encodeFacts, NO_FACTS } from '@bgs/contract/envelope/facts.ts'
import type { LogEntry } from '@bgs/contract/log/log-batch.ts'
import { nodeDisk } from '@bgs/embedded/log/disk.ts'
import { SegmentLog } from '@bgs/embedded/log/segment-log.ts'
import { scanFrame } from '@bgs/protocol/frame/scan.ts'
import { withSeqSlot } from '@bgs/protocol/frame/seq-slot.ts'
import type { Corpus } from '@bgs/simnet/corpus.ts'
import type { LogEntry as HostEntry } from '@bgs/simnet/event-log.ts'
import { webSocketPayload } from '@bgs/simnet/wire.ts'

const DAY_MS = 86_400_000
/** One for all: a relay that finds hosts in its log goes looking for them, and none of these is there. */
const HOST = 'localhost:9'

/**
 * Fills the data folder of a relay that does not run with a corpus, as if it had been taken in, so many events in each
 * append: seconds, where the way through the relay takes minutes. Resolves to the number of events and their bytes.
 */
export async function fillLog(
  folder: string,
  corpus: Corpus,
  perAppend: number,
): Promise<{ events: number; bytes: number }> {
  const logFolder = join(folder, 'log')
  mkdirSync(logFolder, { recursive: true })
  const log = await SegmentLog.open({
    folder: logFolder,
    disk: nodeDisk,
    generation: 1,
    retentionMs: DAY_MS,
    retentionBytes: Number.MAX_SAFE_INTEGER,
    seenPosition: 0,
    clean: true,
    // Nothing is lost if this ends early: it is filled anew.
    sync: false,
  })
  let bytes = 0
  let batch: LogEntry[] = []
  let events = 0
  for (const entry of inTurn(corpus)) {
    const made = logEntry(entry, events++)
    bytes += made.frame?.length ?? 0
    batch.push(made)
    if (batch.length < perAppend) continue
    await log.append(batch)
    batch = []
  }
  if (batch.length > 0) await log.append(batch)
  await log.close()
  return { events, bytes }
}

/** The corpus in the order in which hosts that send in turn would have it arrive. */
function* inTurn(corpus: Corpus): Generator<HostEntry> {
  const hosts = Array.from({ length: corpus.hostCount }, (_, i) => corpus.host(i).entries())
  for (let open = hosts.length; open > 0; ) {
    open = 0
    for (const entries of hosts) {
      const { value } = entries.next()
      if (value === undefined) continue
      open++
      yield value
    }
  }
}

function logEntry({ did, frame: message }: HostEntry, rawOffset: number): LogEntry {
  const bytes = webSocketPayload(message)
  const frame = scanFrame(bytes)
  if (frame.kind !== 'frame' || frame.type !== '#commit' || frame.prevData === null)
    throw new Error('the corpus holds something else than commits in mid-chain')
  const text = (cid: Uint8Array) => Buffer.from(cid).toString('latin1')
  const facts = {
    ...NO_FACTS,
    did,
    taken: { rawGeneration: 1, rawOffset, host: HOST, epoch: 1, seq: rawOffset + 1 },
    // The tree that it had before: as long as the one it has now, which is what counts here.
    repo: { rev: frame.rev, commit: text(frame.commit), data: text(frame.prevData) },
  }
  return {
    kind: '#commit',
    didHash: hashDid(did),
    facts: encodeFacts(facts),
    ...withSeqSlot(bytes, frame.seqAt, frame.seqEnd),
  }
}
