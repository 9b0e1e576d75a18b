import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { RealSoftware } from './install.ts'

/** What this test uses of an AtpAgent of @atproto/api, which is not there when this file is type-checked. */
export interface Agent {
  createAccount(account: { handle: string; email: string; password: string }): Promise<unknown>
  login(credentials: { identifier: string; password: string }): Promise<unknown>
  call(
    method: string,
    params?: Record<string, unknown>,
    data?: unknown,
    options?: { encoding?: string; headers?: Record<string, string> },
  ): Promise<{ data: unknown }>
  readonly session?: { did: string; handle: string } | undefined
}

export type AgentClass = new (options: { service: string }) => Agent

/** The client of the reference implementation, from the cache. */
export async function importAgent({ folder }: RealSoftware): Promise<AgentClass> {
  const resolve = createRequire(join(folder, 'package.json')).resolve
  const api = (await import(pathToFileURL(resolve('@atproto/api')).href)) as { AtpAgent: AgentClass }
  return api.AtpAgent
}
