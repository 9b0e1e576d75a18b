import { registrableDomain } from '@bgs/runtime/net/registrable-domain.ts'
import type { Yielding } from './did-queue.ts'

interface Holder {
  bytes: number
  readonly entries: Yielding[]
}

/** Who holds how much in queues, by registrable domain and host: made when there is too much of it. */
export class Holders {
  readonly #domains = new Map<string, { bytes: number; readonly hosts: Map<string, Holder> }>()

  add(one: Yielding): void {
    const { host, frame } = one.entry.raw.value
    const name = registrableDomain(host)
    let domain = this.#domains.get(name)
    if (domain === undefined) {
      domain = { bytes: 0, hosts: new Map() }
      this.#domains.set(name, domain)
    }
    let holder = domain.hosts.get(host)
    if (holder === undefined) {
      holder = { bytes: 0, entries: [] }
      domain.hosts.set(host, holder)
    }
    domain.bytes += frame.length
    holder.bytes += frame.length
    holder.entries.push(one)
  }

  /** The newest entry of the heaviest host of the heaviest domain; undefined: there is none left. */
  takeOfHeaviest(): Yielding | undefined {
    const domain = heaviest(this.#domains)
    const holder = domain && heaviest(domain.hosts)
    const one = holder?.entries.pop()
    if (domain === undefined || holder === undefined || one === undefined) return undefined
    const bytes = one.entry.raw.value.frame.length
    domain.bytes -= bytes
    holder.bytes -= bytes
    return one
  }
}

function heaviest<T extends { readonly bytes: number }>(all: ReadonlyMap<string, T>): T | undefined {
  let most: T | undefined
  for (const one of all.values()) if (most === undefined || one.bytes > most.bytes) most = one
  return most
}
