/**
 * Where the CID of a subtree is: at this offset of the input (0 and up), NONE for an empty subtree, or among the CIDs
 * that the build made itself (MADE minus its offset there).
 */
export type CidPlace = number
export const NONE: CidPlace = -1
export const MADE: CidPlace = -2
