import type { MessagePort, Worker } from 'node:worker_threads'
import { errorText } from '@bgs/runtime/service/error-text.ts'

/** What goes over a port between two threads: questions, answers to them, and messages that nobody answers. */
type Message =
  | { readonly kind: 'question'; readonly id: number; readonly body: unknown }
  | { readonly kind: 'answer'; readonly id: number; readonly body: unknown }
  | { readonly kind: 'failure'; readonly id: number; readonly message: string }
  | { readonly kind: 'post'; readonly body: unknown }

export interface PortHandlers<Question, Post> {
  /** Answers a question of the other side; what it throws, the other side's `ask` throws. */
  readonly onQuestion: (question: Question) => Promise<unknown>
  readonly onPost: (message: Post) => void
}

interface Waiting {
  readonly resolve: (body: unknown) => void
  readonly reject: (error: Error) => void
}

/** One side of a conversation between two threads of this process. */
export class PortRpc<TheirQuestion, TheirPost, Question, Post> {
  readonly #port: MessagePort | Worker
  readonly #waiting = new Map<number, Waiting>()
  #lastId = 0

  constructor(port: MessagePort | Worker, handlers: PortHandlers<TheirQuestion, TheirPost>) {
    this.#port = port
    port.on('message', (message: Message) => this.#take(message, handlers))
  }

  /** Asks the other side; the caller knows what is answered to its question. */
  ask<Answer>(question: Question): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const id = ++this.#lastId
      this.#waiting.set(id, { resolve: resolve as (body: unknown) => void, reject })
      this.#send({ kind: 'question', id, body: question })
    })
  }

  post(message: Post): void {
    this.#send({ kind: 'post', body: message })
  }

  #send(message: Message): void {
    this.#port.postMessage(message)
  }

  #take(message: Message, { onQuestion, onPost }: PortHandlers<TheirQuestion, TheirPost>): void {
    if (message.kind === 'post') return onPost(message.body as TheirPost)
    const { id } = message
    if (message.kind === 'question') {
      onQuestion(message.body as TheirQuestion).then(
        (body) => this.#send({ kind: 'answer', id, body }),
        (error: unknown) => this.#send({ kind: 'failure', id, message: errorText(error) }),
      )
      return
    }
    const waiting = this.#waiting.get(id)
    this.#waiting.delete(id)
    if (message.kind === 'answer') waiting?.resolve(message.body)
    else waiting?.reject(new Error(message.message))
  }
}
