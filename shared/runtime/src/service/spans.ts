import { errorText } from './error-text.ts'

/** What is traced: by batch, connection and look-up, never by frame. */
export type SpanName =
  | 'connect host'
  | 'resolve DID'
  | 'judge batch'
  | 'append'
  | 'write view'
  | 'mirror batch'

export type SpanAttributes = Readonly<Record<string, string | number>>

export interface OpenSpan {
  /** Ends it, once; with what went wrong, if anything did. */
  end(error?: string): void
}

type Begin = (name: SpanName, attributes: SpanAttributes) => OpenSpan

/** One for the process, for so is the collector; undefined, and nothing of tracing loaded, unless it is asked for. */
let begin: Begin | undefined

/** Traces with `tracer` from here on; undefined: no more. */
export function traceWith(tracer: Begin | undefined): void {
  begin = tracer
}

/** Begins a span, if anything is traced. */
export function beginSpan(name: SpanName, attributes: SpanAttributes): OpenSpan | undefined {
  return begin?.(name, attributes)
}

/** Does some work in a span, if anything is traced. */
export function inSpan<T>(name: SpanName, attributes: SpanAttributes, work: () => Promise<T>): Promise<T> {
  if (begin === undefined) return work()
  const span = begin(name, attributes)
  const done = work()
  done.then(
    () => span.end(),
    (error: unknown) => span.end(errorText(error)),
  )
  return done
}
