import type { MapEntryPlace } from './without-entries.ts'

/**
 * One frame after the strict scan. Offsets are in the frame's own bytes, which are passed on verbatim; CIDs are
 * binary, 36 bytes. `seqAt` and `seqEnd` are the CBOR int of `seq`.
 */
export type Frame =
  | CommitFrame
  | SyncFrame
  | IdentityFrame
  | AccountFrame
  | InfoFrame
  | ErrorFrame
  | UnknownFrame

type Message = {
  kind: 'frame'
  did: string
  seq: number
  seqAt: number
  seqEnd: number
  time: string
  /** Optional fields that are written as null, of which schemas know nothing: left out of what is passed on. */
  nulls?: readonly MapEntryPlace[]
}

/**
 * An operation of a commit. `cidAt` and `prevAt` are where the 36 bytes start, -1 when the field is missing or null;
 * `pathAt` and `pathEnd` are the text. Whether action, cid and prev fit together is judged later (protocol.md C9).
 */
export type Op = {
  action: string
  path: string
  pathAt: number
  pathEnd: number
  cidAt: number
  prevAt: number
}

/** `prevData` is null when missing or null; `commit` and `prevData` are views into the frame. */
export type CommitFrame = Message & {
  type: '#commit'
  rev: string
  since: string | null
  prevData: Uint8Array | null
  commit: Uint8Array
  blocksAt: number
  blocksEnd: number
  tooBig: boolean
  rebase: boolean
  ops: Op[]
}

export type SyncFrame = Message & { type: '#sync'; rev: string; blocksAt: number; blocksEnd: number }

/** `handlePlace` is where the handle is, null or not. */
export type IdentityFrame = Message & { type: '#identity'; handle?: string; handlePlace?: MapEntryPlace }

export type AccountFrame = Message & { type: '#account'; active: boolean; status?: string }

export type InfoFrame = { kind: 'frame'; type: '#info'; name: string; message: string }

export type ErrorFrame = { kind: 'frame'; type: 'error'; error: string; message: string }

/** A message of an `op` or `t` that the protocol does not name: to be passed over (protocol.md W3). */
type UnknownFrame = { kind: 'frame'; type: 'unknown'; op: number; t: string; did: string; seq: number }
