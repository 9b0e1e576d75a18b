import { createServer, type Server } from 'node:http'
import { listen } from '@bgs/runtime/service/listen.ts'
import { silentLogger } from '@bgs/testkit/silent-logger.ts'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { readJson } from './read-json.ts'
import { errorAnswer } from './xrpc-error.ts'

let server: Server
let url: string
beforeAll(async () => {
  server = createServer((request, response) => {
    readJson(request)
      .then(
        (body) => ({ status: 200, body, headers: {} }),
        (error: unknown) => errorAnswer(error, silentLogger),
      )
      .then(({ status, body, headers }) => response.writeHead(status, headers).end(JSON.stringify(body)))
      .catch(() => undefined)
  })
  url = `http://127.0.0.1:${await listen(server, 0, '127.0.0.1')}`
})
afterAll(() => server.close())

it.each([
  ['JSON', '{"a":"ä"}', 200],
  ['nothing', '', 400],
  ['no JSON', '{"a":', 400],
  ['a little too much', JSON.stringify('x'.repeat(17_000)), 413],
  ['far too much', JSON.stringify('x'.repeat(3_000_000)), 413],
])('a body of %s', async (_what, body, status) => {
  const response = await fetch(url, { method: 'POST', body })
  expect(response.status).toBe(status)
  const answer = await response.json()
  expect(answer).toEqual(status === 200 ? { a: 'ä' } : expect.objectContaining({ error: expect.any(String) }))
})
