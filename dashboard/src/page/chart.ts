import type uPlotType from 'uplot'
import { html, useEffect, useRef, useState } from './vendor/preact.js'
import uPlot from './vendor/uplot.js'

/** One line of a chart. */
interface Line {
  readonly title: string
  /** Name of a colour in the style sheet. */
  readonly colour: string
  readonly values: readonly (number | undefined)[]
}

interface Props {
  readonly title: string
  /** Seconds since 1970, one for each value. */
  readonly times: readonly number[]
  readonly lines: readonly Line[]
  readonly format: (value: number) => string
}

const HEIGHT = 200
const SPAN_S = 600
/** An axis that starts at nothing, and has some room where there is nothing to show. */
const FROM_ZERO = (_: unknown, _least: number | null, most: number | null): [number, number] => [
  0,
  Math.max((most ?? 0) * 1.1, 0.001),
]

/** Lines over the last ten minutes. What they say now stands in words above them, for those who do not see them. */
export function Chart({ title, times, lines, format }: Props) {
  const box = useRef<HTMLDivElement | null>(null)
  const plot = useRef<uPlotType | undefined>(undefined)
  const isDark = useDark()
  const data = [times, ...lines.map(({ values }) => values.map((value) => value ?? null))]
  useEffect(() => {
    const element = box.current
    if (element === null) return
    const made = new uPlot(optionsOf(lines, format, element), data as uPlotType.AlignedData, element)
    plot.current = made
    const follow = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height: HEIGHT }))
    follow.observe(element)
    return () => {
      follow.disconnect()
      made.destroy()
    }
  }, [isDark])
  useEffect(() => {
    plot.current?.setData(data as uPlotType.AlignedData)
    return undefined
  }, [times.at(-1)])
  return html`<figure class="box chart">
    <figcaption>
      <h2>${title}</h2>
      <p class="keys">
        ${lines.map(({ title: name, colour, values }) => {
          const value = values.at(-1)
          return html`<span class=${`key ${colour}`}>${name} <b>${value === undefined ? '–' : format(value)}</b></span>`
        })}
      </p>
    </figcaption>
    <div ref=${box} aria-hidden="true"></div>
  </figure>`
}

function optionsOf(
  lines: readonly Line[],
  format: (value: number) => string,
  element: HTMLElement,
): uPlotType.Options {
  const style = getComputedStyle(element)
  const colour = (name: string) => style.getPropertyValue(`--${name}`).trim()
  const axis = { stroke: colour('quiet'), grid: { stroke: colour('line'), width: 1 }, ticks: { show: false } }
  return {
    width: element.clientWidth,
    height: HEIGHT,
    legend: { show: false },
    cursor: { show: false },
    scales: {
      x: { range: (_, _least, most) => [(most ?? 0) - SPAN_S, most ?? 0] },
      y: { range: FROM_ZERO },
    },
    axes: [
      { ...axis, values: (_, at) => at.map(clock), space: 70, size: 28 },
      { ...axis, values: (_, at) => at.map(format), size: 62 },
    ],
    series: [
      {},
      ...lines.map((line) => ({
        label: line.title,
        stroke: colour(line.colour),
        width: 2,
        points: { show: false },
        spanGaps: true,
      })),
    ],
  }
}

function clock(atSeconds: number): string {
  return new Date(atSeconds * 1_000).toLocaleTimeString('en-GB', { hour: '2-digit', minute: '2-digit' })
}

function useDark(): boolean {
  const query = matchMedia('(prefers-color-scheme: dark)')
  const [isDark, setDark] = useState(query.matches)
  useEffect(() => {
    const follow = () => setDark(query.matches)
    query.addEventListener('change', follow)
    return () => query.removeEventListener('change', follow)
  }, [])
  return isDark
}
