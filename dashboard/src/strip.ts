import { stripTypeScriptTypes } from 'node:module'

/**
 * Sources for a browser, as JavaScript: the types become blanks, so lines and columns stay what they are. Node says of
 * each process that this function is an experiment, as it once said of the sources that it runs itself in the same way;
 * that one warning is left out, and no other.
 */
export function stripAll(sources: readonly string[]): string[] {
  const warn = process.emitWarning
  process.emitWarning = ((warning: string | Error, ...rest: []) => {
    if (!String(warning).includes('stripTypeScriptTypes')) warn.call(process, warning, ...rest)
  }) as typeof process.emitWarning
  try {
    return sources.map((source) => stripTypeScriptTypes(source))
  } finally {
    process.emitWarning = warn
  }
}
