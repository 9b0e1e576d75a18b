const MAX_LENGTH = 253
const HANDLE =
  /^(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?\.)+[a-zA-Z](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?$/

/** Whether this is a handle by its form; a relay resolves none (protocol.md D6). */
export function isHandle(text: string): boolean {
  return text.length <= MAX_LENGTH && HANDLE.test(text)
}
