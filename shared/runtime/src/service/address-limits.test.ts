import { describe, expect, it } from 'vitest'
import { AddressLimits, newAddressLimits } from './address-limits.ts'
import { loadSettings } from './config.ts'

const settings = (env: Record<string, string> = {}) =>
  loadSettings({ RELAY_CONNECTIONS_PER_ADDRESS: '3', RELAY_SUBSCRIBERS_PER_ADDRESS: '2', ...env }, [])
    .settings

describe('limits by address', () => {
  it('count over all threads, and let go of what has left', () => {
    const shared = newAddressLimits(settings())
    const [one, other] = [new AddressLimits(shared), new AddressLimits(structuredClone(shared))]
    const places = [one, other, one].map((limits) => limits.enter('connections', '198.51.100.1'))
    expect(places.map(({ isOver }) => isOver)).toEqual([false, false, false])
    const fourth = other.enter('connections', '198.51.100.1')
    expect([fourth.isOver, fourth.isFarOver]).toEqual([true, false])
    fourth.leave()
    fourth.leave()
    places[0]?.leave()
    expect(other.enter('connections', '198.51.100.1').isOver).toBe(false)
    for (let i = 0; i < 3; i++) one.enter('connections', '198.51.100.1')
    expect(one.enter('connections', '198.51.100.1')).toMatchObject({ count: 7, isFarOver: true })
    expect(one.enter('connections', '198.51.100.2').isOver).toBe(false)
    expect(one.enter('subscriptions', '198.51.100.1').count).toBe(1)
  })

  it.each([
    ['2001:db8:1:2::1', '2001:db8:1:2:ffff::9', true],
    ['2001:db8:1:2::1', '2001:0db8:0001:0002:3:4:5:6', true],
    ['2001:db8:1:2::1', '2001:db8:1:3::1', false],
    ['2001:db8::1', '2001:db8:0:0:1::', true],
    ['::1', '::2', true],
    ['fe80::1%eth0', 'fe80::2%eth1', true],
    ['198.51.100.1', '198.51.100.2', false],
  ])('%s and %s are one: %s', (one, other, isOne) => {
    const limits = new AddressLimits(newAddressLimits(settings()))
    limits.enter('connections', one)
    expect(limits.enter('connections', other).count).toBe(isOne ? 2 : 1)
  })

  it('loopback is free where private hosts are allowed, and only there', () => {
    const free = new AddressLimits(newAddressLimits(settings({ RELAY_ALLOW_PRIVATE_HOSTS: 'true' })))
    const strict = new AddressLimits(newAddressLimits(settings()))
    for (const address of ['127.0.0.1', '::1']) {
      for (let i = 0; i < 10; i++) expect(free.enter('connections', address).isOver).toBe(false)
      for (let i = 0; i < 4; i++) strict.enter('connections', address)
      expect(strict.enter('connections', address).isOver).toBe(true)
    }
    for (let i = 0; i < 4; i++) free.enter('connections', '198.51.100.1')
    expect(free.enter('connections', '198.51.100.1').isOver).toBe(true)
  })

  it('nobody is refused for others: 20,000 addresses beside one that takes all it can', () => {
    const limits = new AddressLimits(newAddressLimits(settings()))
    for (let i = 0; i < 1_000; i++) limits.enter('subscriptions', '203.0.113.1')
    let over = 0
    for (let i = 0; i < 20_000; i++)
      if (limits.enter('subscriptions', `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`).isOver) over++
    expect(over).toBeLessThan(5)
  })
})
