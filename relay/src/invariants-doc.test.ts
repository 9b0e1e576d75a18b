import { expect, it } from 'vitest'
import { invariantsDoc, proofsOfInvariants } from './invariants-doc.ts'

const written = [...invariantsDoc().matchAll(/^(\d+)\. \*\*/gm)].map(([, number]) => Number(number))
const proofs = proofsOfInvariants()

it('invariants are numbered one after the other', () => {
  expect(written.length).toBeGreaterThan(10)
  expect(written).toEqual(written.map((_, i) => i + 1))
})

it.each(written)('some test says in its name that it proves number %i', (number) => {
  expect(proofs.filter(({ invariants }) => invariants.includes(number))).not.toEqual([])
})

it('tests name only invariants that there are', () => {
  expect(proofs.filter(({ invariants }) => invariants.some((one) => !written.includes(one)))).toEqual([])
})
