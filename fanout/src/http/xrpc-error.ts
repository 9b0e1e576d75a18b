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
