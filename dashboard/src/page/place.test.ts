import { expect, it } from 'vitest'
import { linkTo, placeOf } from './place.ts'

it('places and their addresses', () => {
  expect(placeOf('')).toEqual({ view: 'overview', about: '' })
  expect(placeOf('#/hosts')).toEqual({ view: 'hosts', about: '' })
  expect(placeOf(linkTo('hosts', 'localhost:2583'))).toEqual({ view: 'hosts', about: 'localhost:2583' })
  expect(placeOf(linkTo('accounts', 'did:web:a/b'))).toEqual({ view: 'accounts', about: 'did:web:a/b' })
  expect(placeOf('#/hosts?active')).toEqual({ view: 'hosts', about: '' })
  expect(placeOf('#/hosts/%E0%A4%A')).toEqual({ view: 'overview', about: '' })
})
