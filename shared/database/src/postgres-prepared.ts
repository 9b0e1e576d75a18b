/** More than the code has; text that is made up as it goes is not kept at the server. */
const MOST = 500

const names = new Map<string, string>()

/** The name under which a connection keeps this statement prepared; undefined: it is not worth keeping. */
export function preparedName(sql: string): string | undefined {
  let name = names.get(sql)
  if (name === undefined && names.size < MOST) {
    name = `s${names.size + 1}`
    names.set(sql, name)
  }
  return name
}
