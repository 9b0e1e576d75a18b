import { EVENT_TYPES } from './event-type.ts'
import { RecordReader } from './record-reader.ts'
import { RecordWriter } from './record-writer.ts'
import type { AccountFacts, RepoFacts, VerifiedEnvelope } from './verified.ts'

/** Format of a record of `verified`; readers know this one and the one before it (invariant 17). */
const VERSION = 2
/** No event was passed on by a relay. */
const FORMER_VERSION = 1
const ABOUT_ENTRY_BYTES = 420

const AUTHORITATIVE = 1
const DISCONTINUOUS = 2
const REPO = 4
const ACCOUNT = 8
const ACTIVE = 16
const RELAYED = 32
const HEARTBEAT = 64

/**
 * Envelopes of one flush and partition in one Kafka record: the facts of all of them at the head, so that they are
 * judged without touching a frame, then the frames with their slots for seq.
 */
export function encodeVerifiedRecord(envelopes: readonly VerifiedEnvelope[]): Buffer {
  const frames = envelopes.reduce((sum, { frame }) => sum + frame.length, 0)
  const writer = new RecordWriter(16 + frames + envelopes.length * ABOUT_ENTRY_BYTES)
  writer.u8(VERSION).u32(envelopes.length)
  for (const envelope of envelopes) writeFacts(writer, envelope)
  for (const { frame } of envelopes) writer.bytes(frame)
  return writer.written
}

/** Throws RangeError on a version it does not know, or bytes that are no such record. */
export function decodeVerifiedRecord(record: Buffer): VerifiedEnvelope[] {
  const reader = new RecordReader(record)
  const version = reader.u8()
  if (version !== VERSION && version !== FORMER_VERSION)
    throw new RangeError(`records of verified of format ${version} are not known here`)
  const heads = Array.from({ length: reader.u32() }, () => readFacts(reader))
  return heads.map(({ bytes, ...head }) => ({ ...head, frame: reader.bytes(bytes) }))
}

function writeFacts(writer: RecordWriter, envelope: VerifiedEnvelope): void {
  const { repo, account, pdsHost } = envelope
  const flags =
    (envelope.authoritative ? AUTHORITATIVE : 0) |
    (envelope.discontinuous ? DISCONTINUOUS : 0) |
    (repo === null ? 0 : REPO) |
    (account === null ? 0 : ACCOUNT) |
    (account?.active ? ACTIVE : 0) |
    (pdsHost === undefined ? 0 : RELAYED) |
    (envelope.isHeartbeat ? HEARTBEAT : 0)
  writer.u32(envelope.frame.length).u32(envelope.seqAt).u8(EVENT_TYPES.indexOf(envelope.type)).u8(flags)
  writer.number(envelope.rawGeneration).number(envelope.rawOffset)
  writer.number(envelope.epoch).number(envelope.hostSeq).number(envelope.receivedMs)
  writer.latin1(envelope.did).latin1(envelope.host).latin1(envelope.digest)
  if (pdsHost !== undefined) writer.latin1(pdsHost)
  if (repo !== null) {
    writer.latin1(repo.rev).utf8(repo.since).latin1(repo.commit).latin1(repo.data)
    // '' is no CID.
    writer.latin1(repo.prevData ?? '')
  }
  if (account !== null) writer.utf8(account.status).utf8(account.time)
}

type Head = Omit<VerifiedEnvelope, 'frame'> & { readonly bytes: number }

function readFacts(reader: RecordReader): Head {
  const bytes = reader.u32()
  const seqAt = reader.u32()
  const type = EVENT_TYPES[reader.u8()]
  if (type === undefined) throw new RangeError('an envelope of a type not known here')
  const flags = reader.u8()
  const [rawGeneration, rawOffset] = [reader.number(), reader.number()]
  const [epoch, hostSeq, receivedMs] = [reader.number(), reader.number(), reader.number()]
  const [did, host, digest] = [reader.latin1(), reader.latin1(), reader.latin1()]
  const pdsHost = flags & RELAYED ? reader.latin1() : undefined
  return {
    bytes,
    seqAt,
    type,
    rawGeneration,
    rawOffset,
    epoch,
    hostSeq,
    receivedMs,
    did,
    host,
    digest,
    pdsHost,
    authoritative: (flags & AUTHORITATIVE) !== 0,
    discontinuous: (flags & DISCONTINUOUS) !== 0,
    repo: flags & REPO ? readRepo(reader) : null,
    account: flags & ACCOUNT ? readAccount(reader, (flags & ACTIVE) !== 0) : null,
    ...(flags & HEARTBEAT ? { isHeartbeat: true } : {}),
  }
}

function readRepo(reader: RecordReader): RepoFacts {
  const [rev, since, commit, data] = [reader.latin1(), reader.utf8(), reader.latin1(), reader.latin1()]
  const prevData = reader.latin1()
  return { rev, since, prevData: prevData === '' ? null : prevData, commit, data }
}

function readAccount(reader: RecordReader, active: boolean): AccountFacts {
  const status = reader.utf8()
  return { active, status, time: reader.utf8() ?? '' }
}
