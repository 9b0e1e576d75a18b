/** The errors of the protocol that are told apart here; any other keeps its number. */
const NAMES: Readonly<Record<number, string>> = {
  1: 'OFFSET_OUT_OF_RANGE',
  2: 'CORRUPT_MESSAGE',
  3: 'UNKNOWN_TOPIC_OR_PARTITION',
  5: 'LEADER_NOT_AVAILABLE',
  6: 'NOT_LEADER_OR_FOLLOWER',
  7: 'REQUEST_TIMED_OUT',
  9: 'REPLICA_NOT_AVAILABLE',
  10: 'MESSAGE_TOO_LARGE',
  18: 'RECORD_LIST_TOO_LARGE',
  19: 'NOT_ENOUGH_REPLICAS',
  20: 'NOT_ENOUGH_REPLICAS_AFTER_APPEND',
  29: 'TOPIC_AUTHORIZATION_FAILED',
  31: 'CLUSTER_AUTHORIZATION_FAILED',
  36: 'TOPIC_ALREADY_EXISTS',
  38: 'INVALID_REPLICATION_FACTOR',
  41: 'NOT_CONTROLLER',
  56: 'KAFKA_STORAGE_ERROR',
  74: 'FENCED_LEADER_EPOCH',
  75: 'UNKNOWN_LEADER_EPOCH',
  87: 'INVALID_RECORD',
  100: 'UNKNOWN_TOPIC_ID',
}

/** Sending the same bytes again cannot help. */
const FINAL = new Set(['MESSAGE_TOO_LARGE', 'RECORD_LIST_TOO_LARGE', 'INVALID_RECORD'])

/** What a broker answered, or that it did not. `code` is the protocol's name, or `DISCONNECTED` or `TIMEOUT`. */
export class KafkaError extends Error {
  override name = 'KafkaError'
  readonly code: string

  constructor(code: string, message: string, cause?: unknown) {
    super(message, { cause })
    this.code = code
  }

  /** The error of a response's number; undefined for 0. */
  static of(number: number, what: string): KafkaError | undefined {
    if (number === 0) return undefined
    const code = NAMES[number] ?? `ERROR_${number}`
    return new KafkaError(code, `${what}: Kafka answers ${code}`)
  }

  get isFinal(): boolean {
    return FINAL.has(this.code)
  }
}
