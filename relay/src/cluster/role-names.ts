/** The roles of a cluster, in the order of the frame's way. */
export const ROLE_NAMES = ['crawler', 'verifier', 'sequencer', 'fanout'] as const
export type RoleName = (typeof ROLE_NAMES)[number]
