import type { MessagePort, Worker } from 'node:worker_threads'
import { errorText } from '@bgs/runtime/service/error-text.ts'

/** What goes over a port between two threads: questions, answers to them, and news that nobody answers. */
type Message =
  | { readonly kind: 'question'; readonly id: number; readonly body: unknown }
  | { readonly kind: 'answer'; readonly id: number; readonly body: unknown }
  | { readonly kind: 'failure'; readonly id: number; readonly message: string }
  | { readonly kind: 'news'; readonly body: unknown }

export interface PortHandlers<Question, News> {
  /** Answers a question of the other side; what it throws, the other side's `ask` throws. */
  readonly onQuestion: (question: Question) => Promise<unknown>
  readonly onNews: (news: News) => void
}

interface Waiting {
  readonly resolve: (body: unknown) => void
  readonly reject: (error: Error) => void
}

/** One side of a conversation between two threads of this process. */
export class PortRpc<TheirQuestion, TheirNews, Question, News> {
  readonly #port: MessagePort | Worker
  readonly #waiting = new Map<number, Waiting>()
  #lastId = 0

  constructor(port: MessagePort | Worker, handlers: PortHandlers<TheirQuestion, TheirNews>) {
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

  tell(news: News): void {
    this.#send({ kind: 'news', body: news })
  }

  #send(message: Message): void {
    this.#port.postMessage(message)
  }

  #take(message: Message, { onQuestion, onNews }: PortHandlers<TheirQuestion, TheirNews>): void {
    if (message.kind === 'news') return onNews(message.body as TheirNews)
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
