import { describe, expect, it } from 'vitest'
import { accountActs, bodyOf, cursorAct, hostActs, limitsAct } from './acts.ts'

describe('acts', () => {
  it('what is offered follows from the state', () => {
    expect(hostActs('a.example', 'active').map(({ verb }) => verb)).toEqual([
      'Crawl now',
      'Pause',
      'Disconnect',
      'Ban',
    ])
    expect(hostActs('a.example', 'banned').map(({ verb }) => verb)).toContain('Unban')
    expect(accountActs('did:plc:a', 'takendown').map(({ verb }) => verb)).toEqual(['Restore', 'Ask its host'])
  })

  it('names are one part of the path, whatever they hold', () => {
    expect(hostActs('a/../b?c', 'active')[0]?.path).toBe('hosts/a%2F..%2Fb%3Fc/crawl')
  })

  it('what was left empty is not sent; numbers are sent as such, anything else as it was typed', () => {
    const given = { accounts: '100', eventsPerSecond: '', trusted: 'yes', lenient: 'no' }
    expect(bodyOf(limitsAct('a.example'), ' because ', given)).toEqual({
      why: 'because',
      accounts: 100,
      trusted: true,
      lenient: false,
    })
    expect(bodyOf(cursorAct('a.example', 7), 'x', { cursor: 'live' })).toEqual({ why: 'x', cursor: 'live' })
  })
})
