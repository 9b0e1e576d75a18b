import { Registry } from 'prom-client'
import { expect, it } from 'vitest'
import { loadSettings } from './config.ts'
import { close, listen } from './listen.ts'
import { createOpsServer } from './ops-server.ts'

it('/livez fails where a restart could help and /readyz where work is not done, each with the reason in words', async () => {
  const health: { why: string | undefined; stuck: string | undefined } = { why: undefined, stuck: undefined }
  const server = createOpsServer(loadSettings({}, []).settings, new Registry(), {
    notReady: () => health.why,
    restartCouldHelp: () => health.stuck,
  })
  const port = await listen(server, 0, '127.0.0.1')
  const ask = async (path: string) => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`)
    return `${response.status} ${await response.text()}`
  }
  try {
    expect([await ask('/livez'), await ask('/readyz')]).toEqual(['200 ok\n', '200 ok\n'])
    health.why = 'waiting for Kafka'
    expect([await ask('/livez'), await ask('/readyz')]).toEqual(['200 ok\n', '503 waiting for Kafka\n'])
    health.stuck = 'others get through'
    expect(await ask('/livez')).toBe('503 others get through\n')
  } finally {
    await close(server)
  }
})
