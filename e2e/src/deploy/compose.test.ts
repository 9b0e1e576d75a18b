import { join } from 'node:path'
import { checkCluster, checkValues } from '@bgs/relay/check-config.ts'
import { loadSettings } from '@bgs/runtime/service/config.ts'
import { VERSION } from '@bgs/runtime/service/version.ts'
import { runCommand } from '@bgs/testkit/servers/commands.ts'
import { beforeAll, describe, expect, it } from 'vitest'
import { imageOf, imageSettings, last, readDockerfile, words } from './dockerfile.ts'
import { findOldCompose, installPythonTools, ROOT } from './tools.ts'

const FILE = join(ROOT, 'deploy/compose.yaml')
const ROLES = ['crawler', 'verifier', 'sequencer', 'fanout']
/** What the person who starts it sets: the least, and all of it. */
const LEAST = { POSTGRES_PASSWORD: 'secret' }
const ALL = {
  ...LEAST,
  IMAGE: 'other:1',
  PUBLIC_PORTS: '2470-2479',
  RELAY_HOSTS: 'pds.example.com',
  RELAY_PLC_URL: 'https://plc.example.com',
  RELAY_NEW_HOST_CURSOR: 'live',
  RELAY_RETENTION_HOURS: '24',
  RELAY_RETENTION_BYTES: '100GiB',
  RELAY_LOG_LEVEL: 'debug',
  RELAY_ADMIN_PASSWORD: 'secret',
  RELAY_TRUSTED_PROXIES: '10.0.0.0/8',
}

const COMPOSES = ['compose 1.29', 'compose today'] as const
type Compose = (typeof COMPOSES)[number]

interface Service {
  readonly image: string
  readonly build?: { readonly dockerfile: string }
  readonly command?: readonly string[]
  readonly environment?: Readonly<Record<string, string>>
  readonly user?: string
  readonly read_only?: boolean
  readonly tmpfs?: readonly string[]
  readonly cap_drop?: readonly string[]
  readonly security_opt?: readonly string[]
  readonly restart?: string
  readonly stop_grace_period?: string
  readonly healthcheck?: { readonly test?: readonly string[]; readonly disable?: boolean }
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>
  readonly networks?: Readonly<Record<string, unknown>>
  readonly ports?: readonly unknown[]
  readonly volumes?: readonly unknown[]
}

interface Project {
  readonly services: Readonly<Record<string, Service>>
  readonly networks: Readonly<Record<string, { readonly internal?: boolean }>>
}

/** What a Compose makes of the file. Both have to understand it. */
async function config(which: Compose, variables: Readonly<Record<string, string>>): Promise<Project> {
  const { compose, readYaml } = await installPythonTools()
  const file = which === 'compose today' ? compose : await findOldCompose()
  const env = { PATH: process.env['PATH'], HOME: process.env['HOME'], ...variables }
  const { error, output } = await runCommand(file, ['-f', FILE, 'config'], { env, cwd: ROOT })
  if (error !== null) throw new Error(output)
  return (await readYaml(output)).documents[0] as Project
}

describe.for(COMPOSES)('deploy/compose.yaml, read by %s', (which) => {
  let project: Project
  const role = (name: string) => project.services[name] as Service

  beforeAll(async () => {
    project = await config(which, LEAST)
  })

  it('has every role and the servers that they need', () => {
    expect(Object.keys(project.services).toSorted()).toEqual(
      [...ROLES, 'kafka', 'postgres', 'redis', 'prometheus', 'grafana'].toSorted(),
    )
    for (const name of ROLES) {
      expect(role(name).command, name).toEqual([name])
      expect(role(name).build?.dockerfile, name).toBe('deploy/Dockerfile')
      expect(role(name)).not.toHaveProperty('container_name')
    }
    for (const { image } of Object.values(project.services))
      expect(image).toMatch(/^[\w/-]+:(?!latest)[\w.-]+$/)
  })

  it('no role runs as root, writes to its root, or keeps a right that it does not need', async () => {
    const user = last(imageOf(await readDockerfile()), 'USER')
    for (const name of ROLES)
      expect(role(name), name).toMatchObject({
        user,
        read_only: true,
        tmpfs: ['/tmp'],
        cap_drop: ['ALL'],
        security_opt: ['no-new-privileges:true'],
        stop_grace_period: '40s',
        restart: 'unless-stopped',
      })
    for (const name of ROLES) expect(role(name).volumes?.length ?? 0, name).toBe(name === 'fanout' ? 1 : 0)
    expect(JSON.stringify(role('fanout').volumes)).toContain('/data')
  })

  it('every service is asked how it is, and a role starts when what it needs is well', async () => {
    const probe = words(last(imageOf(await readDockerfile()), 'HEALTHCHECK')).with(-1, '/readyz')
    for (const name of ROLES) {
      expect(role(name).healthcheck?.test, name).toEqual(['CMD', ...probe])
      expect(conditions(role(name)), name).toEqual({
        kafka: 'service_healthy',
        postgres: 'service_healthy',
        redis: 'service_healthy',
      })
    }
    for (const name of ['kafka', 'postgres', 'redis', 'prometheus', 'grafana'])
      expect(role(name).healthcheck?.test?.[0], name).toBe('CMD')
  })

  it('only what has to be is open to others, and what needs no way out has none', () => {
    for (const [name, { ports = [], networks = {} }] of Object.entries(project.services)) {
      expect(ports.length, name).toBe(['fanout', 'grafana'].includes(name) ? 1 : 0)
      const goesOut = ['crawler', 'verifier', 'fanout'].includes(name) ? ['outside'] : []
      const further = name === 'grafana' ? ['dashboards'] : goesOut
      expect(Object.keys(networks).toSorted(), name).toEqual([...further, 'servers'])
    }
    expect(JSON.stringify(role('grafana').ports)).toContain('127.0.0.1')
    expect(project.networks['servers']?.internal).toBe(true)
    expect(JSON.stringify(role('fanout').ports)).toMatch(/2470/)
  })

  it.for([
    ['the least', LEAST],
    ['everything', ALL],
  ] as const)('settings are known and right with %s set', async ([, variables]) => {
    const { services } = await config(which, variables)
    const image = imageSettings(await readDockerfile())
    for (const name of ROLES) {
      const { settings } = loadSettings({ ...image, ...services[name]?.environment }, [])
      checkValues(settings)
      checkCluster(name, settings)
      expect(settings.RELAY_OPS_HOST).toBe('0.0.0.0')
      expect(settings.RELAY_KAFKA_BROKERS, name).toEqual(['kafka:9092'])
      expect(settings.RELAY_DATABASE_URL, name).toContain('@postgres:5432/')
      expect(settings.RELAY_REDIS_URL, name).toBe('redis://redis:6379')
    }
    // What is set outside arrives.
    const { image: tag, environment } = services['fanout'] ?? {}
    for (const [name, value] of Object.entries(variables))
      if (name.startsWith('RELAY_')) expect(environment?.[name], name).toBe(value)
    expect(tag).toBe('IMAGE' in variables ? variables.IMAGE : `relay:${VERSION}`)
  })

  it('asks for the password that it cannot know', async () => {
    await expect(config(which, {})).rejects.toThrow('POSTGRES_PASSWORD')
  })
})

describe('the Kafka of deploy/compose.yaml', () => {
  it('is one node that copies nothing, creates no topic unasked and is found under its name', async () => {
    const { services } = await config('compose today', LEAST)
    const env = services['kafka']?.environment ?? {}
    expect(env['KAFKA_PROCESS_ROLES']).toBe('broker,controller')
    expect(env['KAFKA_ADVERTISED_LISTENERS']).toBe('PLAINTEXT://kafka:9092')
    expect(env['KAFKA_CONTROLLER_QUORUM_VOTERS']).toBe(`${env['KAFKA_NODE_ID']}@kafka:9093`)
    expect(Buffer.from(env['CLUSTER_ID'] ?? '', 'base64url')).toHaveLength(16)
    const copied = Object.entries(env).filter(([name]) => /REPLICATION_FACTOR|MIN_ISR/.test(name))
    expect(copied.map(([, value]) => value)).toEqual(['1', '1', '1', '1', '1'])
    expect(env['KAFKA_AUTO_CREATE_TOPICS_ENABLE']).toBe('false')
    expect(JSON.stringify(services['kafka']?.volumes)).toContain(env['KAFKA_LOG_DIRS'])
  })
})

function conditions({ depends_on = {} }: Service): Record<string, string> {
  return Object.fromEntries(Object.entries(depends_on).map(([name, { condition }]) => [name, condition]))
}
