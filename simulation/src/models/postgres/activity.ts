/** What pg_stat_activity says of a connection. */
export interface Active {
  readonly pid: number
  readonly database: string
  readonly applicationName: string
}

const SETS_NAME = /\bSET\s+application_name\s*(?:=|TO)\s*'([^']*)'/i
const ENDS = /\bpg_terminate_backend\s*\(\s*pid\s*\)\s+FROM\s+pg_stat_activity\s+WHERE\s+([^;]*)/i
const NAMED = /^application_name\s*=\s*'([^']*)'$/i

/** The name that a text gives to its connection. */
export function applicationNameIn(sql: string): string | undefined {
  return SETS_NAME.exec(sql)?.[1]
}

/** Which connections a text ends (pg_terminate_backend). Throws where it asks for them in a way that is not known here. */
export function endedBy(sql: string, self: Active, all: readonly Active[]): Active[] {
  const where = ENDS.exec(sql)?.[1]
  if (where === undefined) return []
  const conditions = where.split(/\s+AND\s+/i).map((one) => one.trim())
  return all.filter((one) =>
    conditions.every((condition) => {
      const [, name] = NAMED.exec(condition) ?? []
      if (name !== undefined) return one.applicationName === name
      if (/^pid\s*<>\s*pg_backend_pid\(\)$/i.test(condition)) return one.pid !== self.pid
      if (/^datname\s*=\s*current_database\(\)$/i.test(condition)) return one.database === self.database
      // There is one user.
      if (/^usename\s*=\s*current_user$/i.test(condition)) return true
      throw new Error(`the model of PostgreSQL does not know the condition ${condition}`)
    }),
  )
}

/** The text with what the engine, which knows of one session, would not find. */
export function withActivity(sql: string, self: Active, all: readonly Active[]): string {
  const database = (one: Active) =>
    one.database === self.database ? 'current_database()' : `'${one.database}'`
  const rows = all.map(
    (one) => `(${one.pid}, '${one.applicationName}', current_user, ${database(one)}::name, 'idle')`,
  )
  return sql
    .replaceAll(/\bpg_terminate_backend\s*\(\s*pid\s*\)/gi, '(pid IS NOT NULL) AS pg_terminate_backend')
    .replaceAll(/\bpg_backend_pid\(\)/gi, String(self.pid))
    .replaceAll(
      /\bpg_stat_activity\b/gi,
      `(VALUES ${rows.join(', ')}) AS pg_stat_activity (pid, application_name, usename, datname, state)`,
    )
}
