// A PLC directory in memory on PLC_PORT: @did-plc/server. It writes DID documents with the key types of 2019;
// today's public directory writes Multikey. Here every second DID (by its last letter) gets the one or the other,
// so that a run meets both.
import { createServer } from 'node:http'
import * as plc from '@did-plc/lib'
import { Database, PlcServer } from '@did-plc/server'
import { endWithParent, say } from './line-out.mjs'

const DOCUMENT = /^\/(did(?::|%3A)plc(?::|%3A)[a-z2-7]{24})$/i
const SECOND_HALF = 'm'

const { ctx, app } = PlcServer.create({ db: Database.mock(), port: Number(process.env.PLC_PORT) })

/** The document in Multikey form, or undefined where the directory itself shall answer. */
async function multikeyDocument(request) {
  const match = request.method === 'GET' ? DOCUMENT.exec(request.url ?? '') : null
  if (match === null) return undefined
  const did = decodeURIComponent(match[1])
  if (did.slice(-1) < SECOND_HALF) return undefined
  const last = await ctx.db.lastOpForDid(did)
  if (last === null || last.type !== 'plc_operation') return undefined
  const document = plc.formatDidDoc({ did, ...last })
  return {
    ...document,
    '@context': ['https://www.w3.org/ns/did/v1', 'https://w3id.org/security/multikey/v1'],
    verificationMethod: Object.entries(last.verificationMethods).map(([name, key]) => ({
      id: `${did}#${name}`,
      type: 'Multikey',
      controller: did,
      publicKeyMultibase: key.slice('did:key:'.length),
    })),
  }
}

const server = createServer((request, response) => {
  multikeyDocument(request).then(
    (document) => {
      if (document === undefined) return app(request, response)
      response.setHeader('content-type', 'application/did+ld+json')
      response.end(JSON.stringify(document))
    },
    (error) => {
      response.statusCode = 500
      response.end(String(error))
    },
  )
})
server.listen(Number(process.env.PLC_PORT), '127.0.0.1', () => say({ type: 'ready' }))
endWithParent()
