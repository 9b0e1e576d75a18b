import { wait } from '@bgs/runtime/service/wait.ts'
import { freePort } from '@bgs/testkit/servers/free-port.ts'
import { TcpLink } from '@bgs/testkit/tcp-link.ts'
import type { BrokerAddress } from './broker.ts'
import { KafkaModel } from './kafka-model.ts'

const HOST = '127.0.0.1'
/** A broker that dies is replaced by others soon enough for a test. */
const SESSION_MS = 500
/** A real one takes seconds to start: until then clients have noticed that it was away. */
const START_MS = 50

/** A broker of the model, as the suites know those of the real one. */
interface ModelNode extends AsyncDisposable {
  start(): Promise<void>
  kill(): Promise<void>
  pause(): void
  resume(): void
  stop(): Promise<void>
}

export interface KafkaServers extends AsyncDisposable {
  /** Comma separated host:port of all nodes. */
  readonly brokers: string
  /** By their node id less one. */
  readonly nodes: readonly ModelNode[]
  /** Ways to the brokers for one process each: `host:port` of all, and the links by node id less one. */
  readonly ways: readonly { readonly brokers: string; readonly links: readonly TcpLink[] }[]
  readonly model: KafkaModel
}

export interface KafkaOptions {
  readonly brokers?: 1 | 3
  /** So many processes reach the brokers over links of their own. */
  readonly ways?: number
}

const models = new Map<string, KafkaModel>()

/** The model behind the addresses that a suite was given. */
export function modelAt(brokers: string): KafkaModel {
  const found = models.get(brokers)
  if (found === undefined) throw new Error(`no model of Kafka listens at ${brokers}`)
  return found
}

/** Stands in for `startKafka` of the testkit: the model, on real sockets, for the suites that run against real servers. */
export async function startKafka({ brokers = 1, ways = 0 }: KafkaOptions = {}): Promise<KafkaServers> {
  const addresses: BrokerAddress[] = []
  const links: TcpLink[][] = []
  for (let id = 1; id <= brokers; id++) {
    const own = await Promise.all(
      Array.from({ length: ways }, async () => {
        const port = await freePort()
        return { port, link: await TcpLink.open(() => port) }
      }),
    )
    links.push(own.map(({ link }) => link))
    const listeners = own.map(({ port, link }) => ({ port, advertised: link.port }))
    addresses.push({ id, host: HOST, port: await freePort(), ways: listeners })
  }
  const model = new KafkaModel({ brokers: addresses, chance: Math.random, pace: { sessionMs: SESSION_MS } })
  models.set(model.addresses, model)
  const nodes = addresses.map(({ id }) => nodeOf(model, id))
  await Promise.all(nodes.map((node) => node.start()))
  return {
    brokers: model.addresses,
    nodes,
    model,
    ways: Array.from({ length: ways }, (_, way) => {
      const own = links.map((all) => all[way] as TcpLink)
      return { brokers: own.map(({ port }) => `${HOST}:${port}`).join(), links: own }
    }),
    async [Symbol.asyncDispose]() {
      models.delete(model.addresses)
      await Promise.all(nodes.map((node) => node.kill()))
      await Promise.all(links.flat().map((link) => link[Symbol.asyncDispose]()))
    },
  }
}

function nodeOf(model: KafkaModel, id: number): ModelNode {
  const kill = async () => model.kill(id)
  return {
    start: async () => {
      await wait(START_MS)
      await model.listen(id)
    },
    kill,
    stop: async () => model.stop(id),
    pause: () => model.hang(id),
    resume: () => model.resume(id),
    [Symbol.asyncDispose]: kill,
  }
}
