import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'

const SHEET = readFileSync(join(import.meta.dirname, 'dashboard.css'), 'utf8')
const [light = '', dark = ''] = [...SHEET.matchAll(/:root \{([^}]*)\}/g)].map(([, body]) => body as string)
/** WCAG 2.2, 1.4.3: text that is not large. */
const ENOUGH = 4.5

function colour(scheme: string, name: string): string {
  return new RegExp(`--${name}: (#[0-9a-f]{6});`).exec(scheme)?.[1] as string
}

function luminance(hex: string): number {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) => {
    const part = Number.parseInt(hex.slice(at, at + 2), 16) / 255
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4
  })
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue
}

function contrast(a: string, b: string): number {
  const [bright = 0, dim = 0] = [luminance(a), luminance(b)].sort((x, y) => y - x)
  return (bright + 0.05) / (dim + 0.05)
}

describe.each([
  ['light', light],
  ['dark', dark],
])('colours, %s', (_, scheme) => {
  it.each(['text', 'quiet', 'link', 'good', 'warn', 'bad', 'one', 'two'])(
    '%s is readable on every ground',
    (name) => {
      for (const ground of ['ground', 'box'])
        expect(contrast(colour(scheme, name), colour(scheme, ground)), ground).toBeGreaterThanOrEqual(ENOUGH)
    },
  )

  it('what stands on the first button is readable', () => {
    expect(contrast(colour(scheme, 'first-text'), colour(scheme, 'first'))).toBeGreaterThanOrEqual(ENOUGH)
  })
})
