import type { Logger } from '@bgs/runtime/service/logger.ts'
import type { Answer } from './answer.ts'

/** An XRPC error (protocol.md section 7): named errors of the lexicons go with 400, as the reference does. */
export class XrpcError extends Error {
  override name = 'XrpcError'
  readonly status: number
  /** The error's name on the wire. */
  readonly code: string
  readonly headers: Readonly<Record<string, string>>
  constructor(status: number, code: string, message: string, headers: Readonly<Record<string, string>> = {}) {
    super(message)
    this.status = status
    this.code = code
    this.headers = headers
  }
}

export function invalid(message: string): XrpcError {
  return new XrpcError(400, 'InvalidRequest', message)
}

/** What is answered where something was thrown: an XrpcError as it says, anything else is a fault of our own. */
export function errorAnswer(error: unknown, logger: Logger): Answer {
  if (error instanceof XrpcError)
    return {
      status: error.status,
      body: { error: error.code, message: error.message },
      headers: error.headers,
    }
  logger.error({ err: error }, 'a request failed')
  return { status: 500, body: { error: 'InternalServerError', message: 'the relay could not answer' } }
}
