import { expect, it } from 'vitest'
import { machineAddresses } from './machine-names.ts'

it('this machine knows itself, and no name that is none', async () => {
  expect(await machineAddresses('localhost')).toContainEqual(expect.stringMatching(/^(127\.0\.0\.1|::1)$/))
  await expect(machineAddresses('--help')).rejects.toThrow()
})
