/** The types of message that carry a DID and are passed on (protocol.md section 2); their order is that of formats. */
export const EVENT_TYPES = ['#commit', '#sync', '#identity', '#account'] as const
export type EventType = (typeof EVENT_TYPES)[number]
