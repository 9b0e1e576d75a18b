import { newCursor, openCursor, readHead } from '../drisl/cursor.ts'
import { finish, newWriter, writeMap, writeRaw } from '../drisl/writer.ts'

/** An entry of a map in a frame: where the map's head is, and where the entry's key begins and its value ends. */
export interface MapEntryPlace {
  readonly mapAt: number
  readonly at: number
  readonly end: number
}

const shared = newCursor()

/** The same frame without these entries of its maps, all else byte for byte; scan it again for its offsets. */
export function withoutEntries(frame: Uint8Array, entries: readonly MapEntryPlace[]): Uint8Array {
  const left = new Map<number, number>()
  for (const { mapAt } of entries) left.set(mapAt, (left.get(mapAt) ?? 0) + 1)
  const cuts = [
    ...[...left].map(([mapAt, count]) => ({ at: mapAt, count })),
    ...entries.map(({ at, end }) => ({ at, end })),
  ].sort((a, b) => a.at - b.at)
  const writer = newWriter(frame.length)
  let from = 0
  for (const cut of cuts) {
    writeRaw(writer, frame.subarray(from, cut.at))
    if ('end' in cut) {
      from = cut.end
      continue
    }
    const cursor = openCursor(shared, frame, cut.at)
    readHead(cursor)
    writeMap(writer, cursor.arg - cut.count)
    from = cursor.at
  }
  writeRaw(writer, frame.subarray(from))
  return finish(writer)
}
