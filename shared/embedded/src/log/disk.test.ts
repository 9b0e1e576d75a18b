import { mkdtempSync, readFileSync, rmSync, unlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { nodeDisk } from './disk.ts'

const folder = mkdtempSync(join(tmpdir(), 'disk-'))
afterAll(() => rmSync(folder, { recursive: true }))

it('writes durably where it is told to', async () => {
  const path = join(folder, 'one')
  const file = await nodeDisk.open(path)
  await file.writeDurably(Buffer.from('a log'), 0)
  await file.writeDurably(Buffer.from(' batch'), 5)
  expect(readFileSync(path, 'utf8')).toBe('a log batch')
  await file.close()
})

it('tries to open the file for durable writes again where that failed: it was for want of a descriptor', async () => {
  const path = join(folder, 'two')
  const file = await nodeDisk.open(path)
  unlinkSync(path)
  await expect(file.writeDurably(Buffer.from('lost'), 0)).rejects.toMatchObject({ code: 'ENOENT' })
  writeFileSync(path, '')
  await file.writeDurably(Buffer.from('kept'), 0)
  expect(readFileSync(path, 'utf8')).toBe('kept')
  await file.close()
})
