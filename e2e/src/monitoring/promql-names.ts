/** What a query of Prometheus asks for. */
export interface QueryNames {
  readonly metrics: ReadonlySet<string>
  /** In matchers, `by`, `on` and the like. */
  readonly labels: ReadonlySet<string>
}

const WORDS = new Set(['and', 'or', 'unless', 'bool', 'offset', 'inf', 'nan', 'start', 'end', 'atan2'])

/** Names in a query: what is left without strings, ranges, matchers, lists of labels, functions and numbers. */
export function namesIn(query: string): QueryNames {
  const labels = new Set<string>()
  const note = (text: string) => {
    for (const [label] of text.matchAll(/[a-zA-Z_]\w*/g)) labels.add(label)
    return ' '
  }
  const bare = query
    .replaceAll(/"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'/g, ' ')
    .replaceAll(/\[[^\]]*\]/g, ' ')
    .replaceAll(/\{([^}]*)\}/g, (_, matchers: string) => note(matchers))
    .replaceAll(/\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)/g, (_, list: string) =>
      note(list),
    )
  const metrics = new Set<string>()
  for (const [, name = '', call] of bare.matchAll(/(?<![\w.])([a-zA-Z_:][\w:]*)(\s*\()?/g))
    if (call === undefined && !WORDS.has(name.toLowerCase())) metrics.add(name)
  return { metrics, labels }
}
