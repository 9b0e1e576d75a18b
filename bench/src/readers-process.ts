import { setTimeout as delay } from 'node:timers/promises'
import { answerParent } from './child.ts'
import { nowMs } from './clock.ts'
import { RawSubscription } from './raw-subscription.ts'

/** What a process of subscribers read since the last mark, or since they connected. */
export interface ReadersCount {
  /** Of the subscriber that got least, and of the one that got most. */
  readonly least: number
  readonly most: number
  readonly leastBytes: number
  readonly mostBytes: number
}

/** Handshakes under way at once. */
const CONNECTING = 50
const LOOK_EVERY_MS = 50

let subscriptions: RawSubscription[] = []
let marks: { messages: number; bytes: number }[] = []

const answers = {
  /** Opens `count` subscriptions. Resolves to the time at which the first was begun. */
  connect: async (options: { url: string; cursor: number | null; count: number }): Promise<number> => {
    const begunMs = nowMs()
    while (subscriptions.length < options.count) {
      const some = Math.min(CONNECTING, options.count - subscriptions.length)
      const opened = await Promise.all(Array.from({ length: some }, () => RawSubscription.connect(options)))
      subscriptions.push(...opened)
    }
    marks = subscriptions.map(() => ({ messages: 0, bytes: 0 }))
    return begunMs
  },
  /** What comes from here on is counted. */
  mark: (_: null): void => {
    marks = subscriptions.map(({ counter: { messages, bytes } }) => ({ messages, bytes }))
  },
  /** Resolves to the time at which each had so many messages since the mark. */
  reach: async (messages: number): Promise<number> =>
    Math.max(
      ...(await Promise.all(
        subscriptions.map((one, i) => one.reaches((marks[i]?.messages ?? 0) + messages)),
      )),
    ),
  /** Resolves when for so long nothing has come. */
  settle: async (quietMs: number): Promise<ReadersCount> => {
    const total = () => subscriptions.reduce((sum, { messages }) => sum + messages, 0)
    let before = total()
    for (let sinceMs = nowMs(); nowMs() - sinceMs < quietMs; await delay(LOOK_EVERY_MS)) {
      if (total() !== before) sinceMs = nowMs()
      before = total()
    }
    const since = subscriptions.map(({ counter }, i) => ({
      messages: counter.messages - (marks[i]?.messages ?? 0),
      bytes: counter.bytes - (marks[i]?.bytes ?? 0),
    }))
    const [messages, bytes] = [since.map((one) => one.messages), since.map((one) => one.bytes)]
    return {
      least: Math.min(...messages),
      most: Math.max(...messages),
      leastBytes: Math.min(...bytes),
      mostBytes: Math.max(...bytes),
    }
  },
  close: (_: null): void => {
    for (const subscription of subscriptions) subscription.close()
    subscriptions = []
  },
}

export type ReadersAnswers = typeof answers

answerParent(answers)
