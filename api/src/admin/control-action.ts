import type { ControlMessage } from '@bgs/contract/envelope/control.ts'
import { XrpcError } from '../http/xrpc-error.ts'
import type { AdminContext } from './context.ts'

const TIMEOUT_MS = 10_000
const MESSAGE_BYTES = 512

/**
 * Says something to the sequencer (invariant 7); resolves when it is certain to be heard. Throws a 503 where too
 * much waits to be heard already, or where it takes too long: then it may take effect all the same.
 */
export function sendControl(
  { control }: Pick<AdminContext, 'control'>,
  message: ControlMessage,
): Promise<void> {
  if (control.room() !== undefined) return Promise.reject(deaf('the act did not take effect'))
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(deaf('the act may still take effect')), TIMEOUT_MS)
    control.publish(0, message, MESSAGE_BYTES, () => {
      clearTimeout(timer)
      resolve()
    })
  })
}

function deaf(what: string): XrpcError {
  return new XrpcError(503, 'ServiceUnavailable', `the sequencer does not hear now; ${what}`, {
    'retry-after': '5',
  })
}
