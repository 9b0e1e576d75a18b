import { MAJOR_NEGATIVE, MAJOR_UINT } from '../drisl/cursor.ts'
import {
  finish,
  newWriter,
  reserve,
  type Writer,
  writeBool,
  writeBytes,
  writeHead,
  writeMap,
  writeText,
} from '../drisl/writer.ts'
import { LEAST_SLOT_SEQ, SEQ_SLOT_BYTES, writeSeq } from './seq-slot.ts'

/** A whole frame that the relay made itself, with its slot for `seq` (see seq-slot.ts). */
export type SlottedFrame = { frame: Uint8Array; seqAt: number }

/** `{op: 1, t}`; a shorter key comes first, so `t` does. */
function startMessage(t: string, capacity: number): Writer {
  const writer = newWriter(capacity)
  writeMap(writer, 2)
  writeText(writer, 't')
  writeText(writer, t)
  writeText(writer, 'op')
  writeHead(writer, MAJOR_UINT, 1)
  return writer
}

function writeSeqSlot(writer: Writer): number {
  writeText(writer, 'seq')
  const { at } = writer
  reserve(writer, SEQ_SLOT_BYTES)
  writeSeq(writer.bytes, at, LEAST_SLOT_SEQ)
  writer.at += SEQ_SLOT_BYTES
  return at
}

function writeField(writer: Writer, key: string, text: string): void {
  writeText(writer, key)
  writeText(writer, text)
}

/** #account with the effective status (protocol.md E3). `time` is an RFC 3339 datetime. */
export function encodeAccount(fields: {
  did: string
  time: string
  active: boolean
  status?: string | undefined
}): SlottedFrame {
  const writer = startMessage('#account', 192)
  writeMap(writer, fields.status === undefined ? 4 : 5)
  writeField(writer, 'did', fields.did)
  const seqAt = writeSeqSlot(writer)
  writeField(writer, 'time', fields.time)
  writeText(writer, 'active')
  writeBool(writer, fields.active)
  if (fields.status !== undefined) writeField(writer, 'status', fields.status)
  return { frame: finish(writer), seqAt }
}

/** #sync (protocol.md S2); `blocks` is a CAR that holds the signed commit block. */
export function encodeSync(fields: {
  did: string
  rev: string
  blocks: Uint8Array
  time: string
}): SlottedFrame {
  const writer = startMessage('#sync', 192 + fields.blocks.length)
  writeMap(writer, 5)
  writeField(writer, 'did', fields.did)
  writeField(writer, 'rev', fields.rev)
  const seqAt = writeSeqSlot(writer)
  writeField(writer, 'time', fields.time)
  writeText(writer, 'blocks')
  writeBytes(writer, fields.blocks)
  return { frame: finish(writer), seqAt }
}

/** #identity without a handle (protocol.md I3). */
export function encodeIdentity(fields: { did: string; time: string }): SlottedFrame {
  const writer = startMessage('#identity', 160)
  writeMap(writer, 3)
  writeField(writer, 'did', fields.did)
  const seqAt = writeSeqSlot(writer)
  writeField(writer, 'time', fields.time)
  return { frame: finish(writer), seqAt }
}

/** #info, which has no seq (protocol.md Q8). */
export function encodeInfo(fields: { name: string; message?: string | undefined }): Uint8Array {
  const writer = startMessage('#info', 128)
  writeMap(writer, fields.message === undefined ? 1 : 2)
  writeField(writer, 'name', fields.name)
  if (fields.message !== undefined) writeField(writer, 'message', fields.message)
  return finish(writer)
}

/** An error frame (protocol.md W9): header `{op: -1}`; the sender closes right after. */
export function encodeError(fields: { error: string; message?: string | undefined }): Uint8Array {
  const writer = newWriter(128)
  writeMap(writer, 1)
  writeText(writer, 'op')
  writeHead(writer, MAJOR_NEGATIVE, 0)
  writeMap(writer, fields.message === undefined ? 1 : 2)
  writeField(writer, 'error', fields.error)
  if (fields.message !== undefined) writeField(writer, 'message', fields.message)
  return finish(writer)
}
