/** Where in the dashboard one is: a view, and what it is about. */
export interface Place {
  readonly view: string
  readonly about: string
}

/** A place as it stands behind the # of the address. */
export function placeOf(hash: string): Place {
  const [path = ''] = hash.replace(/^#\/?/, '').split('?')
  const [view = '', ...rest] = path.split('/')
  try {
    return { view: view || 'overview', about: decodeURIComponent(rest.join('/')) }
  } catch {
    return { view: 'overview', about: '' }
  }
}

/** The address of a place. */
export function linkTo(view: string, about = ''): string {
  return about === '' ? `#/${view}` : `#/${view}/${encodeURIComponent(about)}`
}
