import { type PostgresServer, startPostgres } from '@bgs/testkit/servers/postgres.ts'
import { Client } from 'pg'
import { afterAll, beforeAll } from 'vitest'
import { PostgresDatabase } from './postgres.ts'
import { describeDatabase } from './testing/database-suite.ts'

let server: PostgresServer
let databases = 0
beforeAll(async () => {
  server = await startPostgres()
})
afterAll(() => server[Symbol.asyncDispose]())

describeDatabase('PostgreSQL', async () => {
  const url = await server.createDatabase(`suite${++databases}`)
  const raw = async <T extends object>(sql: string): Promise<T[]> => {
    const client = new Client(url)
    await client.connect()
    try {
      return (await client.query<T>(sql)).rows
    } finally {
      await client.end()
    }
  }
  return {
    open: () => PostgresDatabase.open(url),
    version: async () =>
      Number((await raw<{ version: string }>('SELECT version FROM schema_version'))[0]?.version),
    setVersion: async (version) => {
      await raw(`UPDATE schema_version SET version = ${version}`)
    },
    tables: async () =>
      (
        await raw<{ name: string }>(
          "SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public' ORDER BY 1",
        )
      ).map(({ name }) => name),
    [Symbol.asyncDispose]: async () => {},
  }
})
