import type { Op } from '../frame/frame.ts'
import { type Car, readCar } from '../repo/car.ts'
import { type Fault, fault } from '../repo/fault.ts'
import { undoOps } from '../repo/invert.ts'
import { openTree } from '../repo/mst.ts'
import { rootBefore } from '../repo/rebuild.ts'
import { type Block, carOf } from './blocks.ts'

/** An operation with its CIDs, not yet in the bytes of a frame. */
export type LooseOp = {
  action: string
  path: string
  cid: Uint8Array | null
  prev: Uint8Array | null
}

/** Lays a CAR and operations into one input, as a frame does, and undoes the operations from `data`. */
export function invert(data: Uint8Array, blocks: Block[], ops: LooseOp[]): Uint8Array | Fault {
  const text = new TextEncoder()
  const none: Uint8Array = new Uint8Array(0)
  const parts: Uint8Array[] = [carOf([data], blocks)]
  let end = parts[0]!.length
  const place = (bytes: Uint8Array): number => {
    const at = end
    parts.push(bytes)
    end += bytes.length
    return at
  }
  const placed: Op[] = ops.map(({ action, path, cid, prev }) => {
    const pathAt = place(text.encode(path))
    const pathEnd = end
    const cidAt = cid === null ? -1 : place(cid)
    const prevAt = prev === null ? -1 : place(prev)
    return { action, path, pathAt, pathEnd, cidAt, prevAt }
  })
  placed.sort((a, b) => (a.path < b.path ? -1 : 1))
  const bytes = Uint8Array.from(Buffer.concat([...parts, none]))
  const car: Car | Fault = readCar(bytes, 0, parts[0]!.length)
  if (car.kind === 'fault') return car
  const tree = openTree(car, data, 0)
  if (tree.kind === 'fault') return tree
  const contradiction = undoOps(tree, placed)
  if (contradiction !== null) return contradiction
  const root = rootBefore(tree)
  return root === null ? fault('inversion-incomplete', 'a stub in the way') : Uint8Array.from(root)
}
