/**
 * TCP on the loopback address, in memory and in virtual time. `installNetwork` puts it in the place of `net.connect`,
 * `new net.Socket` and `Server.listen`. It promises what TCP promises: bytes arrive in order or not at all; an end is seen behind them; who
 * connects to nobody is refused; what is sent to a process that is gone is answered by a reset.
 */
import http from 'node:http'
import { syncBuiltinESMExports } from 'node:module'
import net from 'node:net'
import type { LinkState } from './link-state.ts'
import { SimProcess } from './sim-process.ts'
import { type ConnectArguments, SimSocket, type SimSocketParts } from './sim-socket.ts'

const FIRST_PORT = 20_000

interface Listening {
  readonly server: net.Server
  readonly owner: SimProcess
}

export class SimNet {
  readonly #machine: SimProcess
  readonly #listening = new Map<number, Listening>()
  readonly #links = new Map<string, LinkState>()
  readonly sockets = new Set<SimSocket>()
  #nextPort = FIRST_PORT

  constructor(machine: SimProcess) {
    this.#machine = machine
  }

  /** The link over which bytes go from one process to another. */
  link(from: SimProcess, to: SimProcess): LinkState {
    const key = `${from.name} ${to.name}`
    let link = this.#links.get(key)
    if (link === undefined) {
      link = { latencyMs: 0.2, heldUntilMs: 0, refusedUntilMs: 0 }
      this.#links.set(key, link)
    }
    return link
  }

  /** Cuts connections with a reset at both ends. Returns how many. */
  cut(isMeant: (socket: SimSocket) => boolean): number {
    const meant = [...this.sockets].filter((socket) => !socket.destroyed && isMeant(socket))
    for (const socket of meant) socket.reset()
    return meant.length
  }

  /** A socket of the running process that is not connected yet. */
  socket(options: { readonly onread?: net.OnReadOpts | undefined } = {}): SimSocket {
    return this.#socket(SimProcess.current ?? this.#machine, this.#nextPort++, options)
  }

  #connect(socket: SimSocket, port: number): void {
    const { owner } = socket
    const { server, owner: other } = this.#listening.get(port) ?? {}
    const link = this.link(owner, other ?? this.#machine)
    const { latencyMs, heldUntilMs } = link
    const { scheduler } = owner
    const arrivesMs = Math.max(scheduler.nowMs, heldUntilMs) + latencyMs
    // The kernel answers for a process that is paused; nobody does for one that is gone.
    scheduler.at(arrivesMs, () => {
      if (socket.destroyed) return
      const isThere =
        server !== undefined && other?.isAlive === true && this.#listening.get(port)?.server === server
      if (!isThere || scheduler.nowMs < link.refusedUntilMs) return this.#refuse(socket, latencyMs)
      const peer = this.#socket(other, port, { remotePort: socket.localPort })
      socket.join(peer)
      other.at(scheduler.nowMs, () => server.emit('connection', peer))
      owner.at(scheduler.nowMs + latencyMs, () => socket.opened())
    })
  }

  listen(server: net.Server, asked: number): void {
    const owner = SimProcess.current ?? this.#machine
    const port = asked === 0 ? this.#nextPort++ : asked
    const fail = (code: string) => {
      const error = Object.assign(new Error(`listen ${code}: port ${port}`), { code })
      owner.at(owner.scheduler.nowMs, () => server.emit('error', error))
    }
    if (this.#listening.get(port)?.owner.isAlive === true) return fail('EADDRINUSE')
    const one = { server, owner }
    this.#listening.set(port, one)
    const close = () => {
      if (this.#listening.get(port) === one) this.#listening.delete(port)
      owner.onKill.delete(end)
    }
    // Node's servers look after their connections with a timer of their own, which would keep all of a process that is gone.
    const end = () => {
      server.removeAllListeners()
      server.close()
    }
    owner.onKill.add(end)
    // As much of a handle as `Server` itself looks at.
    const handle = {
      close,
      ref: () => undefined,
      unref: () => undefined,
      getsockname: (out: Record<string, unknown>) => {
        Object.assign(out, { address: '127.0.0.1', family: 'IPv4', port })
        return 0
      },
    }
    Object.assign(server, { _handle: handle })
    owner.at(owner.scheduler.nowMs, () => server.emit('listening'))
  }

  #socket(
    owner: SimProcess,
    localPort: number,
    rest: Pick<SimSocketParts, 'remotePort' | 'onread'>,
  ): SimSocket {
    const socket = new SimSocket({
      ...rest,
      owner,
      localPort,
      linkTo: (other) => this.link(owner, other),
      onConnect: (connecting, port) => this.#connect(connecting, port),
      onClose: (closed) => {
        this.sockets.delete(closed)
        owner.onKill.delete(reset)
      },
    })
    const reset = () => socket.reset()
    this.sockets.add(socket)
    owner.onKill.add(reset)
    return socket
  }

  #refuse(socket: SimSocket, latencyMs: number): void {
    const { owner } = socket
    const message = `connect ECONNREFUSED 127.0.0.1:${socket.remotePort}`
    const error = Object.assign(new Error(message), { code: 'ECONNREFUSED' })
    owner.at(owner.scheduler.nowMs + latencyMs, () => socket.destroy(error))
  }
}

export function installNetwork(network: SimNet): void {
  const connect = (...given: ConnectArguments) => {
    const [first] = given
    return network.socket(typeof first === 'object' ? first : {}).connect(...given)
  }
  const { Socket } = net
  // `instanceof` holds for both kinds, and who extends the class extends the real one.
  const hasInstance = (one: unknown) => one instanceof SimSocket || one instanceof Socket
  const SocketOfWorld: typeof Socket = new Proxy(Socket, {
    construct: (target, [options], newTarget) =>
      // What has a descriptor is no connection of this world: the output of this process.
      newTarget === SocketOfWorld && options?.fd === undefined && options?.handle === undefined
        ? network.socket(options)
        : Reflect.construct(target, [options], newTarget),
    get: (target, name, receiver) =>
      name === Symbol.hasInstance ? hasInstance : Reflect.get(target, name, receiver),
  })
  Object.assign(net, { connect, createConnection: connect, Socket: SocketOfWorld, Stream: SocketOfWorld })
  Object.assign(http.Agent.prototype, { createConnection: connect })
  net.Server.prototype.listen = function listen(this: net.Server, ...given: unknown[]) {
    const [first] = given
    const port = typeof first === 'object' ? (first as net.ListenOptions).port : first
    const listener = given.find((one) => typeof one === 'function')
    if (listener !== undefined) this.once('listening', listener as () => void)
    network.listen(this, Number(port ?? 0))
    return this
  }
  syncBuiltinESMExports()
}
