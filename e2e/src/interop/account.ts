import type { Agent, AgentClass } from './api.ts'
import type { Ledger } from './ledger.ts'
import type { RealPds } from './pds.ts'

const PASSWORD = 'a password of a test'
const POST = 'app.bsky.feed.post'
const LIKE = 'app.bsky.feed.like'
const FOLLOW = 'app.bsky.graph.follow'
const PROFILE = 'app.bsky.actor.profile'

export interface RecordRef {
  readonly uri: string
  readonly cid: string
}

interface Written extends RecordRef {
  readonly commit: { readonly rev: string }
}

interface WrittenBatch {
  readonly commit: { readonly rev: string }
  readonly results: Partial<RecordRef>[]
}

/** A person with an account: does through the API what people do, and writes down what the PDS acknowledged. */
export class RealAccount {
  readonly did: string
  /** Where it is hosted now. */
  pds: RealPds
  #agent: Agent
  readonly #Agent: AgentClass
  readonly #ledger: Ledger
  #hasProfile = false

  private constructor(did: string, pds: RealPds, agent: Agent, Agent: AgentClass, ledger: Ledger) {
    this.did = did
    this.pds = pds
    this.#agent = agent
    this.#Agent = Agent
    this.#ledger = ledger
  }

  static async create(Agent: AgentClass, pds: RealPds, name: string, ledger: Ledger): Promise<RealAccount> {
    const agent = new Agent({ service: pds.url })
    const handle = `${name}.test`
    await agent.createAccount({ handle, email: `${name}@example.com`, password: PASSWORD })
    const did = agent.session?.did
    if (did === undefined) throw new Error(`no session for ${handle}`)
    ledger.state(did, 'active')
    ledger.handles.set(did, handle)
    return new RealAccount(did, pds, agent, Agent, ledger)
  }

  async post(text: string): Promise<RecordRef> {
    return await this.#create(POST, { text, createdAt: now() })
  }

  async like(subject: RecordRef): Promise<RecordRef> {
    return await this.#create(LIKE, { subject: { uri: subject.uri, cid: subject.cid }, createdAt: now() })
  }

  async follow(other: RealAccount): Promise<RecordRef> {
    return await this.#create(FOLLOW, { subject: other.did, createdAt: now() })
  }

  /** Writes the profile: a creation the first time, then an update. */
  async describe(description: string): Promise<void> {
    const written = (await this.#procedure('com.atproto.repo.putRecord', {
      repo: this.did,
      collection: PROFILE,
      rkey: 'self',
      record: { $type: PROFILE, description },
    })) as Written
    const { uri, cid, commit } = written
    const action = this.#hasProfile ? 'update' : 'create'
    this.#ledger.add({ action, did: this.did, uri, cid, rev: commit.rev })
    this.#hasProfile = true
  }

  async remove({ uri }: { uri: string }): Promise<void> {
    const [collection, rkey] = uri.split('/').slice(3)
    const { commit } = (await this.#procedure('com.atproto.repo.deleteRecord', {
      repo: this.did,
      collection,
      rkey,
    })) as Pick<Written, 'commit'>
    this.#ledger.add({ action: 'delete', did: this.did, uri, cid: undefined, rev: commit.rev })
  }

  /** Creates posts and removes others in one commit. Returns the new ones. */
  async bulk(texts: string[], removed: RecordRef[]): Promise<RecordRef[]> {
    const creates = texts.map((text) => ({
      $type: 'com.atproto.repo.applyWrites#create',
      collection: POST,
      value: { $type: POST, text, createdAt: now() },
    }))
    const deletes = removed.map(({ uri }) => ({
      $type: 'com.atproto.repo.applyWrites#delete',
      collection: POST,
      rkey: uri.split('/').at(-1),
    }))
    const { commit, results } = (await this.#procedure('com.atproto.repo.applyWrites', {
      repo: this.did,
      writes: [...creates, ...deletes],
    })) as WrittenBatch
    const created = results.flatMap(({ uri, cid }) => (uri && cid ? [{ uri, cid }] : []))
    for (const { uri, cid } of created)
      this.#ledger.add({ action: 'create', did: this.did, uri, cid, rev: commit.rev })
    for (const { uri } of removed)
      this.#ledger.add({ action: 'delete', did: this.did, uri, cid: undefined, rev: commit.rev })
    return created
  }

  async changeHandle(handle: string): Promise<void> {
    await this.#procedure('com.atproto.identity.updateHandle', { handle })
    this.#ledger.handles.set(this.did, handle)
  }

  async deactivate(): Promise<void> {
    await this.#procedure('com.atproto.server.deactivateAccount', {})
    this.#ledger.state(this.did, 'deactivated')
  }

  async reactivate(): Promise<void> {
    await this.#procedure('com.atproto.server.activateAccount')
    this.#ledger.state(this.did, 'active')
  }

  /** Deletes the whole account, with the code that is mailed for it. */
  async deleteAccount(): Promise<void> {
    await this.#procedure('com.atproto.server.requestAccountDelete')
    const token = this.pds.mailedCode(this.did, 'delete_account')
    await this.#procedure('com.atproto.server.deleteAccount', { did: this.did, password: PASSWORD, token })
    this.#ledger.state(this.did, 'deleted')
  }

  /** Moves to another PDS as the migration guide of the protocol says: account, repo, identity, then the switch. No blobs or preferences. */
  async moveTo(target: RealPds): Promise<void> {
    const old = this.#agent
    const oldPds = this.pds
    const fresh = new this.#Agent({ service: target.url })
    const handle = this.#ledger.handles.get(this.did)

    const auth = (await old.call('com.atproto.server.getServiceAuth', {
      aud: target.did,
      lxm: 'com.atproto.server.createAccount',
    })) as { data: { token: string } }
    await fresh.call(
      'com.atproto.server.createAccount',
      {},
      { did: this.did, handle, email: `moved-${handle}@example.com`, password: PASSWORD },
      { encoding: 'application/json', headers: { authorization: `Bearer ${auth.data.token}` } },
    )
    await fresh.login({ identifier: this.did, password: PASSWORD })

    const car = await old.call('com.atproto.sync.getRepo', { did: this.did })
    await fresh.call('com.atproto.repo.importRepo', {}, car.data, { encoding: 'application/vnd.ipld.car' })

    await old.call('com.atproto.identity.requestPlcOperationSignature')
    const token = oldPds.mailedCode(this.did, 'plc_operation')
    const wanted = await fresh.call('com.atproto.identity.getRecommendedDidCredentials')
    const signed = await old.call(
      'com.atproto.identity.signPlcOperation',
      {},
      { token, ...(wanted.data as Record<string, unknown>) },
      { encoding: 'application/json' },
    )
    await fresh.call('com.atproto.identity.submitPlcOperation', {}, signed.data, {
      encoding: 'application/json',
    })
    await fresh.call('com.atproto.server.activateAccount')
    await old.call('com.atproto.server.deactivateAccount', {}, {}, { encoding: 'application/json' })
    this.#agent = fresh
    this.pds = target
  }

  async #create(collection: string, record: Record<string, unknown>): Promise<RecordRef> {
    const { uri, cid, commit } = (await this.#procedure('com.atproto.repo.createRecord', {
      repo: this.did,
      collection,
      record: { $type: collection, ...record },
    })) as Written
    this.#ledger.add({ action: 'create', did: this.did, uri, cid, rev: commit.rev })
    return { uri, cid }
  }

  async #procedure(method: string, body?: Record<string, unknown>): Promise<unknown> {
    const options = body === undefined ? undefined : { encoding: 'application/json' }
    return (await this.#agent.call(method, {}, body, options)).data
  }
}

function now(): string {
  return new Date().toISOString()
}
