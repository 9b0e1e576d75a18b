import type { Reason } from '../reasons/reason.ts'

/** Why a frame is not taken, with what is known of it: `seq` -1 and `did` '' where it is not. `detail` is for people. */
export type Rejection = { kind: 'rejection'; reason: Reason; detail: string; seq: number; did: string }

export function reject(reason: Reason, detail: string, seq = -1, did = ''): Rejection {
  return { kind: 'rejection', reason, detail, seq, did }
}
