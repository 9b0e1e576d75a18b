import { open } from 'node:fs/promises'
import { join } from 'node:path'
import type { KafkaServers } from './kafka.ts'

const LENGTH_AT = 8
const BEFORE_LENGTH_ENDS = 12

/**
 * What a machine with the only broker comes to that loses its power: the broker is killed, and of the first segment of a
 * partition only so many batches have reached the disk. Resolves once it answers again.
 */
export async function losePower(
  kafka: KafkaServers,
  topic: string,
  partition: number,
  keptBatches: number,
): Promise<void> {
  const [node] = kafka.nodes
  await node?.kill()
  const segment = join(kafka.dataFolder, `${topic}-${partition}`, '00000000000000000000.log')
  const file = await open(segment, 'r+')
  const head = Buffer.alloc(BEFORE_LENGTH_ENDS)
  let at = 0
  for (let i = 0; i < keptBatches; i++) {
    await file.read(head, 0, head.length, at)
    at += BEFORE_LENGTH_ENDS + head.readInt32BE(LENGTH_AT)
  }
  await file.truncate(at)
  await file.close()
  await node?.start()
}
