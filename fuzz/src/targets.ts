import type { Target } from './target.ts'
import { carTarget } from './targets/car.ts'
import { encodersTarget } from './targets/encoders.ts'
import { httpTarget } from './targets/http.ts'
import { identityTarget } from './targets/identity.ts'
import { mstTarget } from './targets/mst.ts'
import { scannerTarget } from './targets/scanner.ts'
import { storedTarget } from './targets/stored.ts'

/** What can be fuzzed, by the name that the command has for it. */
export const TARGETS = {
  scanner: scannerTarget,
  car: carTarget,
  mst: mstTarget,
  http: httpTarget,
  identity: identityTarget,
  encoders: encodersTarget,
  stored: storedTarget,
} satisfies Record<string, () => Promise<Target>>

export type TargetName = keyof typeof TARGETS
export const TARGET_NAMES = Object.keys(TARGETS) as TargetName[]
