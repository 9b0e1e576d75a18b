const EXTENSION = 'permessage-deflate'
/** Window of the frames that are compressed once for all: no smaller one can be promised to a single client. */
const WINDOW_BITS = 15
const TOKEN = /[\w!#$%&'*+.^`|~-]+/y
const QUOTED = /"((?:[^"\\]|\\.)*)"/y
const SPACE = /[ \t]*/y

/** Parameters of an offer by name; true where one has no value. */
type Params = ReadonlyMap<string, string | true>

/**
 * What a client offers in `Sec-WebSocket-Extensions` that can be kept, as the one offer to accept; undefined where there is
 * none: then the stream is not compressed, which no client can complain about (RFC 7692 5: declining is always open). An
 * offer is declined with a parameter that is unknown, given twice or has a wrong value (7.1), or with a window that is
 * smaller than that of the frames (7.1.2.1). A header that cannot be read offers nothing.
 */
export function acceptableOffer(header: string | undefined): string | undefined {
  for (const params of offersIn(header ?? '')) {
    const bits = params && windowOf(params)
    if (bits === undefined) continue
    // The client's own window and takeover are hints, or asked of it by us: nothing to be answered.
    return bits === 'any' ? EXTENSION : `${EXTENSION}; server_max_window_bits=${WINDOW_BITS}`
  }
  return undefined
}

/** Whether the window that an offer asks for can be kept: `any`, ours by name, or not at all. */
function windowOf(params: Params): 'any' | 'ours' | undefined {
  let asked: 'any' | 'ours' = 'any'
  for (const [name, value] of params) {
    switch (name) {
      case 'server_no_context_takeover':
      case 'client_no_context_takeover':
        if (value !== true) return undefined
        break
      case 'client_max_window_bits':
        if (value !== true && bitsOf(value) === undefined) return undefined
        break
      case 'server_max_window_bits':
        if (value === true || bitsOf(value) !== WINDOW_BITS) return undefined
        asked = 'ours'
        break
      default:
        return undefined
    }
  }
  return asked
}

/** From 8 to 15, without leading zeros. */
function bitsOf(value: string): number | undefined {
  return /^(?:8|9|1[0-5])$/.test(value) ? Number(value) : undefined
}

/**
 * The offers of permessage-deflate in a header, in the client's order; undefined stands for one with a parameter given
 * twice. None from where the header does not follow its grammar (RFC 6455 9.1).
 */
function offersIn(header: string): (Params | undefined)[] {
  const found: (Params | undefined)[] = []
  let at = 0
  const take = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = at
    const match = pattern.exec(header)
    if (match === null) return undefined
    at = pattern.lastIndex
    return match[1] ?? match[0]
  }
  const takeSign = (sign: string): boolean => {
    take(SPACE)
    if (header[at] !== sign) return false
    at++
    take(SPACE)
    return true
  }
  take(SPACE)
  do {
    const extension = take(TOKEN)
    // A list may have empty elements (RFC 9110 5.6.1).
    if (extension === undefined && (header[at] === ',' || at === header.length)) continue
    if (extension === undefined) return []
    const params = new Map<string, string | true>()
    let isTwice = false
    while (takeSign(';')) {
      const name = take(TOKEN)
      if (name === undefined) return []
      let value: string | true = true
      if (takeSign('=')) {
        const given = header[at] === '"' ? take(QUOTED)?.replaceAll(/\\(.)/g, '$1') : take(TOKEN)
        if (given === undefined) return []
        value = given
      }
      isTwice ||= params.has(name)
      params.set(name, value)
    }
    if (extension === EXTENSION) found.push(isTwice ? undefined : params)
  } while (takeSign(','))
  return at === header.length ? found : []
}
