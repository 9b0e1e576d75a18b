import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ROOT } from './tools.ts'

interface Instruction {
  readonly name: string
  readonly text: string
}

/** From one FROM to the next. */
export interface Stage {
  readonly base: string
  readonly name: string | undefined
  readonly instructions: readonly Instruction[]
}

/** The stages of deploy/Dockerfile; the last one is the image. */
export async function readDockerfile(): Promise<Stage[]> {
  const lines = (await readFile(join(ROOT, 'deploy/Dockerfile'), 'utf8')).split('\n')
  const text = lines.filter((line) => !/^\s*(#|$)/.test(line)).join('\n')
  const stages: (Stage & { instructions: Instruction[] })[] = []
  for (const line of text.replaceAll(/\s*\\\n\s*/g, ' ').split('\n')) {
    const [, name = '', rest = ''] = /^([A-Z]+)\s+(.*)$/.exec(line) ?? []
    if (name === '') throw new Error(`deploy/Dockerfile: not an instruction: ${line}`)
    if (name !== 'FROM') stages.at(-1)?.instructions.push({ name, text: rest })
    else {
      const [base = '', , stage] = rest.split(/\s+/)
      stages.push({ base, name: stage, instructions: [] })
    }
  }
  return stages
}

export function imageOf(stages: readonly Stage[]): Stage {
  const image = stages.at(-1)
  if (image === undefined) throw new Error('deploy/Dockerfile has no stage')
  return image
}

/** The text of the last instruction of that name, which is the one that counts. */
export function last(stage: Stage, name: string): string {
  const found = stage.instructions.findLast((instruction) => instruction.name === name)
  if (found === undefined) throw new Error(`deploy/Dockerfile has no ${name}`)
  return found.text
}

/** The words of an instruction in the form that no shell reads. */
export function words(text: string): string[] {
  return JSON.parse(text.slice(text.indexOf('['))) as string[]
}

/** The variables that a stage sets. */
export function imageSettings(stages: readonly Stage[]): Record<string, string> {
  const texts = imageOf(stages).instructions.filter(({ name }) => name === 'ENV')
  return Object.fromEntries(texts.flatMap(({ text }) => text.split(' ').map((pair) => pair.split('='))))
}

export interface Copy {
  readonly from: string | undefined
  readonly sources: readonly string[]
  readonly target: string
}

export function copies(stage: Stage): Copy[] {
  return stage.instructions
    .filter(({ name }) => name === 'COPY')
    .map(({ text }) => {
      const parts = text.split(/\s+/)
      const from = parts[0]?.startsWith('--from=') ? parts.shift()?.slice('--from='.length) : undefined
      return { from, sources: parts.slice(0, -1), target: parts.at(-1) ?? '' }
    })
}
