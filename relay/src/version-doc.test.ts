import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { VERSION } from '@bgs/runtime/service/version.ts'
import { expect, it } from 'vitest'

const root = join(import.meta.dirname, '../..')
const textOf = (path: string) => readFileSync(join(root, path), 'utf8')

interface Manifest {
  readonly version: string
  readonly workspaces: readonly string[]
}

/** The one source: `version` of the package.json at the root. */
const { version, workspaces } = JSON.parse(textOf('package.json')) as Manifest

it('the code has the version of package.json', () => {
  expect(version).toMatch(/^\d+\.\d+\.\d+$/)
  expect(VERSION).toBe(version)
})

it('the lock file has it', () => {
  const lock = JSON.parse(textOf('package-lock.json')) as Manifest & { packages: Record<string, Manifest> }
  expect([lock.version, lock.packages['']?.version]).toEqual([version, version])
})

/** Files that name the image or its version, and what stands before the number. */
it.each([
  ['deploy/Dockerfile', /^ARG VERSION=(.+)$/gm],
  ['deploy/compose.yaml', /\brelay:([\d.]+\d)/g],
  ['deploy/README.md', /\brelay:([\d.]+\d)/g],
  ['k8s/README.md', /\brelay:([\d.]+\d)/g],
  ['k8s/base/pod.yaml', /\bimage: relay:(.+)$/gm],
  ['k8s/overlays/small/kustomization.yaml', /\bnewTag: (.+)$/gm],
  ['k8s/overlays/production/kustomization.yaml', /\bnewTag: (.+)$/gm],
])('%s has it', (path, pattern) => {
  const named = [...textOf(path).matchAll(pattern)].map(([, found]) => found)
  expect(named.length).toBeGreaterThan(0)
  expect(new Set(named)).toEqual(new Set([version]))
})

it('no workspace has a version of its own: none is published', () => {
  const manifests = globSync(
    workspaces.map((folder) => `${folder}/package.json`),
    { cwd: root },
  )
  expect(manifests.length).toBeGreaterThan(15)
  for (const path of manifests) {
    expect((JSON.parse(textOf(path)) as Manifest).version, path).toBe('0.0.0')
  }
})

it('CHANGELOG.md begins with what is unreleased, and its newest release is no other version', () => {
  const [first, newest] = [...textOf('CHANGELOG.md').matchAll(/^## \[(.+?)\]/gm)].map(([, name]) => name)
  expect(first).toBe('Unreleased')
  if (newest !== undefined) expect(newest).toBe(version)
})
