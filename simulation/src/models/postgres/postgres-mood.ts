/** How the server is now. Of chance all shares ask the model's own. */
export interface PostgresMood {
  /** Of each statement, milliseconds, before it does anything; in a transaction the locks are held meanwhile. */
  statementMs: number
  /** Connections are refused: too many (53300). */
  refuses: boolean
  /** Of transactions and of single statements that write: they fail with 40001, and nothing of them takes effect. */
  serializationFailureShare: number
  /**
   * Of commits, and of single statements that write: the connection is cut before there is an answer, half of them before
   * they take effect, and half of them after it.
   */
  unknownOutcomeShare: number
}

export const wellMood = (): PostgresMood => ({
  statementMs: 0,
  refuses: false,
  serializationFailureShare: 0,
  unknownOutcomeShare: 0,
})
