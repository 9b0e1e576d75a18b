/**
 * Version of this software, in health answers and headers: that of the package.json at the root, to which a test holds it.
 * The image has no such file.
 */
export const VERSION = '0.1.0'

/** Names this software to hosts (protocol.md H4) and carries the token of the loop guard (H5). */
export const USER_AGENT = `atproto-relay-bgs/${VERSION} (network relay; subscribes to public event streams)`

/** `Server` header of every answer: other relays must not crawl this one (H5). */
export const SERVER_HEADER = `atproto-relay-bgs/${VERSION}`
