const MAX_NSID_LENGTH = 317
const MAX_PATH_BYTES = 1_024

const NSID =
  /^[a-zA-Z](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?)+\.[a-zA-Z][a-zA-Z0-9]{0,62}$/
const RECORD_KEY = /^[a-zA-Z0-9_~.:-]{1,512}$/

/** The name of a collection: a reversed domain of at least two labels and a name. */
export function isNsid(text: string): boolean {
  return text.length <= MAX_NSID_LENGTH && NSID.test(text)
}

export function isRecordKey(text: string): boolean {
  return RECORD_KEY.test(text) && text !== '.' && text !== '..'
}

/** Whether this is the path of a record, `NSID/rkey` (protocol.md C9). All of it is ASCII. */
export function isRepoPath(path: string): boolean {
  const slash = path.indexOf('/')
  return (
    slash > 0 &&
    path.length <= MAX_PATH_BYTES &&
    isRecordKey(path.slice(slash + 1)) &&
    isNsid(path.slice(0, slash))
  )
}
