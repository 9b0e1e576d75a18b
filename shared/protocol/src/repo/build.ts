import { CID_BYTES } from '../drisl/cid.ts'
import { newWriter, type Writer } from '../drisl/writer.ts'
import type { Tree } from './tree.ts'

/** A build in progress. `isIncomplete` is set when a stub would have to be opened or merged. */
export type Build = {
  tree: Tree
  made: Uint8Array
  madeEnd: number
  stack: Int32Array
  isIncomplete: boolean
  /** Of nodes, one after the other. */
  writer: Writer
}

export function newBuild(tree: Tree): Build {
  return {
    tree,
    made: new Uint8Array(64 * CID_BYTES),
    madeEnd: 0,
    stack: new Int32Array(512),
    isIncomplete: false,
    writer: newWriter(8_192),
  }
}
