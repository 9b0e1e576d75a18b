import { setTimeout as delay } from 'node:timers/promises'
import { SimPds } from '@bgs/simnet/pds.ts'
import { answerParent } from './child.ts'
import { nowMs } from './clock.ts'

const LOOK_EVERY_MS = 100

let pdses: SimPds[] = []

const answers = {
  /** So many hosts that have nothing to say; their names. */
  start: async (count: number): Promise<string[]> => {
    pdses = []
    while (pdses.length < count) pdses.push(await SimPds.start())
    return pdses.map(({ hostname }) => hostname)
  },
  /** Resolves when each has a subscriber. */
  connected: async (deadlineMs: number): Promise<void> => {
    const untilMs = nowMs() + deadlineMs
    const missing = () => pdses.filter(({ subscriptions }) => subscriptions.size === 0).length
    for (; missing() > 0; await delay(LOOK_EVERY_MS))
      if (nowMs() > untilMs) throw new Error(`${missing()} hosts had no subscriber after ${deadlineMs} ms`)
  },
}

export type QuietHostsAnswers = typeof answers

answerParent(answers)
