import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { cpuOf } from './process-cpu.ts'

/** What a child process does when asked, by name: one argument and one answer, both plain data. */
// biome-ignore lint/suspicious/noExplicitAny: each answer has an argument of its own
export type Answers = Record<string, (argument: any) => unknown>

interface Question {
  readonly id: number
  readonly name: string
  readonly argument: unknown
}

interface Reply {
  readonly id: number
  readonly value?: unknown
  readonly error?: string
}

/** A process of its own that loads the machine without sharing a thread, or a garbage collector, with anybody. */
export class Child<T extends Answers> implements AsyncDisposable {
  readonly #process: ChildProcess
  readonly #open = new Map<number, { resolve: (value: never) => void; reject: (error: Error) => void }>()
  #lastId = 0

  /** Starts the module at `url`, which calls `answerParent`; `env` comes on top of what this process has. */
  constructor(url: URL, env: Readonly<Record<string, string>> = {}) {
    this.#process = fork(fileURLToPath(url), {
      serialization: 'advanced',
      env: { ...process.env, ...env },
    })
    this.#process.on('message', (reply: Reply) => {
      const { resolve, reject } = this.#open.get(reply.id) ?? {}
      this.#open.delete(reply.id)
      if (reply.error === undefined) resolve?.(reply.value as never)
      else reject?.(new Error(reply.error))
    })
    this.#process.on('exit', (code, signal) => {
      for (const { reject } of this.#open.values()) reject(new Error(`${url} ended with ${code ?? signal}`))
    })
  }

  ask<K extends keyof T & string>(
    name: K,
    argument: Parameters<T[K]>[0],
  ): Promise<Awaited<ReturnType<T[K]>>> {
    const id = ++this.#lastId
    return new Promise((resolve, reject) => {
      this.#open.set(id, { resolve, reject })
      this.#process.send({ id, name, argument } satisfies Question)
    })
  }

  cpuSeconds(): number {
    return cpuOf(this.#process.pid as number)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return
    this.#process.kill('SIGKILL')
    await once(this.#process, 'exit')
  }
}

/** The child's side: answers until the parent is gone. */
export function answerParent(answers: Answers): void {
  process.on('message', ({ id, name, argument }: Question) => {
    const reply = (rest: Omit<Reply, 'id'>) => process.send?.({ id, ...rest } satisfies Reply)
    Promise.resolve(argument)
      .then((given) => answers[name]?.(given))
      .then(
        (value) => reply({ value }),
        (error: unknown) =>
          reply({ error: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
      )
  })
  process.on('disconnect', () => process.exit(0))
}
