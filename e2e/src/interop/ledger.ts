/** One change of a record as a PDS acknowledged it, or as a consumer saw it. */
export interface RecordChange {
  readonly action: 'create' | 'update' | 'delete'
  readonly did: string
  readonly uri: string
  /** Absent for a deletion. */
  readonly cid: string | undefined
  /** Of the commit. */
  readonly rev: string
}

/** What a correct relay must have shown to every consumer, written down from the answers of the PDSes. */
export class Ledger {
  readonly changes: RecordChange[] = []
  /** By DID: the states that consumers must be told of, in order, repetitions left out. */
  readonly states = new Map<string, string[]>()
  /** By DID: the handle that the newest #identity must go with. */
  readonly handles = new Map<string, string>()

  add(change: RecordChange): void {
    this.changes.push(change)
  }

  /** `active`, or why not. */
  state(did: string, state: string): void {
    this.states.set(did, [...(this.states.get(did) ?? []), state])
  }

  /** One line a change, in the order of the URIs. */
  lines(): string[] {
    return this.changes.map(changeLine).sort(byText)
  }
}

export function changeLine({ action, uri, cid, rev }: RecordChange): string {
  return `${uri} ${rev} ${action} ${cid ?? '-'}`
}

/** For sorting by code units. */
export function byText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
