import { FAULT_TIME, type Fault, type FaultContext } from './fault.ts'
import { encodeFrame } from './wire.ts'

/** Messages that are well made but not this host's to send, or out of its sequence (G3, G5, Q11, A-1, I2). */
export const AUTHORITY_FAULTS: readonly Fault[] = [
  foreign('foreign-account-takedown', 'A-1', ({ did }) => [
    '#account',
    { did, active: false, status: 'takendown' },
  ]),
  foreign('foreign-account-deleted', 'A-1', ({ did }) => [
    '#account',
    { did, active: false, status: 'deleted' },
  ]),
  foreign('foreign-account-active', 'A-1', ({ did }) => ['#account', { did, active: true }]),
  foreign('foreign-identity', 'I2', ({ did }) => ['#identity', { did, handle: 'stolen.test' }]),
  {
    name: 'foreign-commit',
    rule: 'G5',
    outcome: 'refresh-then-drop',
    // Signed by the owner and right in itself: only the host is wrong.
    make: (context) => [message('#commit', { ...victim(context).firstCommit }, context.seq)],
  },
  {
    name: 'foreign-sync',
    rule: 'G5',
    outcome: 'refresh-then-drop',
    make: async (context) => [message('#sync', await victim(context).syncBody(), context.seq)],
  },
  {
    name: 'seq-repeated',
    rule: 'Q11',
    outcome: 'drop-invalid',
    make: ({ account, seq }) => [sequenced(account.did, seq - 1)],
  },
  {
    name: 'seq-lower',
    rule: 'Q11',
    outcome: 'drop-invalid',
    make: ({ account }) => [sequenced(account.did, 1)],
  },
]

function foreign(name: string, rule: string, make: (account: { did: string }) => [string, object]): Fault {
  return {
    name,
    rule,
    outcome: 'refresh-then-drop',
    make: (context) => {
      const [type, body] = make(victim(context))
      return [message(type, body, context.seq)]
    },
  }
}

function victim({ foreign: account }: FaultContext): NonNullable<FaultContext['foreign']> {
  if (account === null) throw new Error('this fault needs an account that lives on another host')
  return account
}

function message(type: string, body: object, seq: number): { payload: Uint8Array } {
  return { payload: encodeFrame(type, { ...body, seq, time: FAULT_TIME }) }
}

function sequenced(did: string, seq: number): { payload: Uint8Array } {
  return message('#identity', { did, handle: 'out-of-sequence.test' }, seq)
}
