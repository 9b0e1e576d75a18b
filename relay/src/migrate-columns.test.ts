import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { SqliteDatabase } from '@bgs/database/sqlite.ts'
import { expect, it } from 'vitest'

const text = readFileSync(join(import.meta.dirname, 'migrate.ts'), 'utf8')
/** Of a lease and a connection: neither outlives the relay that is carried over. */
const OF_A_PROCESS = ['connected', 'owner', 'fence']

it.each(['hosts', 'domains', 'held_commits', 'throttles', 'met_hosts', 'met_domains', 'audit'])(
  'a migration carries every column of %s over',
  async (table) => {
    const database = await SqliteDatabase.open(':memory:')
    const columns = await database.query<{ name: string }>(`SELECT name FROM pragma_table_info('${table}')`)
    await database.close()
    const [, list = ''] =
      (table === 'hosts'
        ? /const HOST_COLUMNS = \[([^\]]*)\]/
        : new RegExp(`name: '${table}',\\s*columns: \\[([^\\]]*)\\]`)
      ).exec(text) ?? []
    const carried = [...list.matchAll(/'(\w+)'/g)].map(([, name]) => name)
    const expected = columns.map(({ name }) => name).filter((name) => !OF_A_PROCESS.includes(name))
    expect(carried.sort()).toEqual(expected.sort())
  },
)
