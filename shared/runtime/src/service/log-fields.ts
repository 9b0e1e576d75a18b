import { errorText } from './error-text.ts'

/** Of one string, of a stack, and of all that one line says together. */
const MAX_CHARS = 2_000
const MAX_STACK_CHARS = 3_000
const MAX_LINE_CHARS = 8_000
const MAX_NAME_CHARS = 100
/** Fields of an object, or members of a list; objects within objects. */
const MAX_FIELDS = 40
const MAX_DEPTH = 4

/**
 * The fields of a line, cut to a bound: hosts choose much of what is said of them (names, answers, errors), and no line may
 * cost more than it is worth. Errors are told by their parts and causes; of what they carry beside that only the code.
 */
export function boundedFields(fields: object): Record<string, unknown> {
  return fieldsOf(fields, { chars: MAX_LINE_CHARS }, MAX_DEPTH)
}

/** What any value costs, and the signs around it. */
const VALUE_CHARS = 8

/** What is left for the line. */
interface Budget {
  chars: number
}

function fieldsOf(object: object, budget: Budget, depth: number): Record<string, unknown> {
  const fields: Record<string, unknown> = {}
  let count = 0
  for (const name in object) {
    if (!Object.hasOwn(object, name)) continue
    if (++count > MAX_FIELDS || budget.chars <= 0) {
      fields['…'] = 'more fields'
      break
    }
    fields[cut(name, budget, MAX_NAME_CHARS)] = bounded(
      (object as Record<string, unknown>)[name],
      budget,
      depth,
    )
  }
  return fields
}

function bounded(value: unknown, budget: Budget, depth: number): unknown {
  budget.chars -= VALUE_CHARS
  switch (typeof value) {
    case 'string':
      return cut(value, budget, MAX_CHARS)
    case 'bigint':
      return cut(value.toString(), budget, MAX_CHARS)
    case 'symbol':
    case 'function':
      return undefined
    case 'object':
      return value === null ? null : ofObject(value, budget, depth)
    default:
      return value
  }
}

function ofObject(value: object, budget: Budget, depth: number): unknown {
  if (value instanceof Error) return ofError(value, budget)
  if (ArrayBuffer.isView(value)) return `${value.byteLength} bytes`
  if (value instanceof Date || value instanceof URL) return cut(String(value), budget, MAX_CHARS)
  if (depth === 0) return '…'
  if (Array.isArray(value)) {
    const members: unknown[] = []
    for (const one of value) {
      if (members.length === MAX_FIELDS || budget.chars <= 0)
        return [...members, `${value.length - members.length} more`]
      members.push(bounded(one, budget, depth - 1))
    }
    return members
  }
  return fieldsOf(value, budget, depth - 1)
}

function ofError(error: Error, budget: Budget): Record<string, unknown> {
  const { code } = error as NodeJS.ErrnoException
  return {
    type: cut(error.name, budget, MAX_NAME_CHARS),
    message: cut(errorText(error), budget, MAX_CHARS),
    ...(code === undefined ? {} : { code: cut(String(code), budget, MAX_NAME_CHARS) }),
    stack: cut(String(error.stack), budget, MAX_STACK_CHARS),
  }
}

function cut(text: string, budget: Budget, most: number): string {
  const chars = Math.max(0, Math.min(most, budget.chars))
  if (text.length <= chars) {
    budget.chars -= text.length
    return text
  }
  budget.chars -= chars
  return `${text.slice(0, chars)}…`
}

/** A message that may hold what others have chosen. */
export function boundedMessage(text: string): string {
  return text.length <= MAX_CHARS ? text : `${text.slice(0, MAX_CHARS)}…`
}
