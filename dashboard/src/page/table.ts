import { type Child, html } from './vendor/preact.js'

/** One column: what stands at its head, and what kind of thing below it. */
interface Column {
  readonly title: string
  readonly isNumber?: boolean
  /** Sentences: lines are broken, and the column is wide enough for some words. */
  readonly isText?: boolean
}

/** One row: its cells, the first of which names it. */
interface Row {
  readonly key: string
  readonly cells: readonly Child[]
}

interface Props {
  readonly caption: string
  readonly columns: readonly Column[]
  readonly rows: readonly Row[]
  /** What is said where there are no rows. */
  readonly none: string
}

/** A table in a box of its own, which scrolls where it is wider than the page, by keyboard too. */
export function Table({ caption, columns, rows, none }: Props) {
  if (rows.length === 0)
    return html`<section class="box"><h2>${caption}</h2><p class="quiet">${none}</p></section>`
  return html`<div class="box scroll" role="region" aria-label=${caption} tabindex="0">
    <table>
      <caption>
        ${caption}
      </caption>
      <thead>
        <tr>
          ${columns.map((column) => html`<th scope="col" class=${classOf(column)}>${column.title}</th>`)}
        </tr>
      </thead>
      <tbody>
        ${rows.map(
          ({ key, cells }) =>
            html`<tr key=${key}>
              ${cells.map((cell, i) =>
                i === 0
                  ? html`<th scope="row">${cell}</th>`
                  : html`<td class=${classOf(columns[i])}>${cell}</td>`,
              )}
            </tr>`,
        )}
      </tbody>
    </table>
  </div>`
}

function classOf(column: Column | undefined): string | undefined {
  if (column?.isNumber === true) return 'number'
  return column?.isText === true ? 'words' : undefined
}
