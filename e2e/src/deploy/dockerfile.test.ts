import { existsSync, globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { loadSettings } from '@bgs/runtime/service/config.ts'
import { VERSION } from '@bgs/runtime/service/version.ts'
import { runCommand } from '@bgs/testkit/servers/commands.ts'
import { beforeAll, describe, expect, it } from 'vitest'
import { copies, imageOf, imageSettings, last, readDockerfile, type Stage, words } from './dockerfile.ts'
import { installPythonTools, ROOT, readPackage } from './tools.ts'

describe('deploy/Dockerfile', () => {
  let stages: Stage[]
  let image: Stage

  beforeAll(async () => {
    stages = await readDockerfile()
    image = imageOf(stages)
  })

  it('has nothing that the linter complains of', async () => {
    const { hadolint } = await installPythonTools()
    const { output } = await runCommand(hadolint, [join(ROOT, 'deploy/Dockerfile')])
    expect(output).toBe('')
  })

  it('builds from pinned official images and from this folder alone', async () => {
    for (const stage of stages) {
      // Neither a registry nor latest.
      expect(stage.base).toMatch(/^[a-z]+:(?!latest)[\w.-]*bookworm-slim$/)
      expect(stage.instructions.map(({ name }) => name)).not.toContain('ADD')
      for (const { from, sources } of copies(stage))
        for (const source of sources)
          if (from === undefined) expect(existsSync(join(ROOT, source)), source).toBe(true)
    }
    const { dependencies = {} } = await readPackage('.')
    expect(stages[0]?.base).toMatch(new RegExp(`^node:${dependencies['node']?.split('.')[0]}[.-]`))
  })

  it('runs as a user without a name, on the settings of a container, and is asked how it is', async () => {
    expect(last(image, 'USER')).toMatch(/^[1-9]\d{3,}:[1-9]\d{3,}$/)
    expect(image.instructions.findLast(({ name }) => name === 'RUN')?.text).toBe(
      `install -d -o ${last(image, 'USER').replace(':', ' -g ')} /data`,
    )
    expect(loadSettings(imageSettings(stages), []).settings).toMatchObject({
      RELAY_OPS_HOST: '0.0.0.0',
      RELAY_DATA_DIR: '/data',
    })
    expect(last(image, 'EXPOSE')).toBe('2470 2471')
    // No shell that would keep the signal to itself.
    expect(words(last(image, 'ENTRYPOINT')).length).toBeGreaterThan(1)
    expect(words(last(image, 'HEALTHCHECK')).length).toBeGreaterThan(1)
    expect(words(last(image, 'CMD'))).toEqual(['all'])
    const { scripts = {} } = await readPackage('.')
    const start = scripts['start']?.replace(/^exec node/, '/app/node_modules/.bin/node')
    expect(words(last(image, 'ENTRYPOINT')).join(' ')).toBe(start)
  })

  it('has the version that everything else has', () => {
    expect(image.instructions.find(({ name }) => name === 'ARG')?.text).toBe(`VERSION=${VERSION}`)
    const others = ['deploy/compose.yaml', ...globSync('k8s/**/*.yaml', { cwd: ROOT })]
    for (const file of others) {
      const tags = readFileSync(join(ROOT, file), 'utf8').matchAll(/(?:\brelay:|newTag: )(\d[\w.-]+)/g)
      for (const [, tag] of tags) expect(tag, file).toBe(VERSION)
    }
  })
})
