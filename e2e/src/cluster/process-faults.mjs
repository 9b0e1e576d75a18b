/**
 * Loaded into a role's process before the relay: does to it alone what stands in the file $PROCESS_FAULTS: its clock is
 * moved by `clockMs`, it reaches none of `closedPorts`, and name servers answer it after `namesMs`. Intervals go on as they are, as with a clock that is set.
 */
import { promises as dns } from 'node:dns'
import { readFileSync } from 'node:fs'
import net from 'node:net'

const LOOK_EVERY_MS = 50
const file = process.env.PROCESS_FAULTS
let faults = { clockMs: 0, closedPorts: [], namesMs: 0 }
/** Open sockets and the ports they lead to. */
const open = new Map()

function look() {
  try {
    faults = JSON.parse(readFileSync(file, 'utf8'))
  } catch {
    // Not there yet, or being written.
    return
  }
  for (const [socket, port] of open)
    if (faults.closedPorts.includes(port)) socket.destroy(unreachable('ECONNRESET'))
}

const unreachable = (code) => Object.assign(new Error('no way there'), { code })

const { connect } = net.Socket.prototype
net.Socket.prototype.connect = function (...args) {
  const [options] = Array.isArray(args[0]) ? args[0] : args
  const port = Number(options?.port)
  if (!(port > 0)) return connect.apply(this, args)
  if (faults.closedPorts.includes(port)) {
    process.nextTick(() => this.destroy(unreachable('EHOSTUNREACH')))
    return this
  }
  open.set(this, port)
  this.once('close', () => open.delete(this))
  return connect.apply(this, args)
}

for (const method of ['resolve4', 'resolve6']) {
  const resolve = dns.Resolver.prototype[method]
  dns.Resolver.prototype[method] = async function (...args) {
    if (faults.namesMs > 0) await new Promise((done) => setTimeout(done, faults.namesMs))
    return resolve.apply(this, args)
  }
}

const RealDate = Date
globalThis.Date = class extends RealDate {
  constructor(...args) {
    if (args.length === 0) super(RealDate.now() + faults.clockMs)
    else super(...args)
  }

  static now() {
    return RealDate.now() + faults.clockMs
  }
}

if (file !== undefined) {
  look()
  setInterval(look, LOOK_EVERY_MS).unref()
}
