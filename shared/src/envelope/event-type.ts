/** The types of message that carry a DID and are passed on (protocol.md section 2). */
export type EventType = '#commit' | '#sync' | '#identity' | '#account'
