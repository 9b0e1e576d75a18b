/** Any will do, and brokers of one cluster must have the same. */
export const CLUSTER_ID = 'AAAAAAAAAAAAAAAAAAAAAA'

export interface KafkaSoftware {
  readonly java: string
  /** Arguments of the JVM up to the class to be run. */
  readonly jvm: readonly string[]
  /** A data folder as `kafka-storage format` leaves it. To be copied: formatting takes a second. */
  readonly formatted: string
}
