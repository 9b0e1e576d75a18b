/** What a link between two processes does now; directions are those of the bytes. */
export interface LinkState {
  /** One way, milliseconds. */
  latencyMs: number
  /** Nothing passes before this moment of virtual time: it arrives late, as what TCP sends again does. */
  heldUntilMs: number
  /** Who connects before this moment is refused, as by a machine whose server is not up. */
  refusedUntilMs: number
}
