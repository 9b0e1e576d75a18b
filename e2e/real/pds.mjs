// A personal data server, set by the PDS_* variables: @atproto/pds.
import { envToCfg, envToSecrets, PDS, readEnv } from '@atproto/pds'
import { endWithParent, say } from './line-out.mjs'

const env = readEnv()
const pds = await PDS.create(envToCfg(env), envToSecrets(env))
// With the hostname `localhost` (which alone gives it http:// URLs) it would ask for a crawl of `localhost`, without
// the port. This is the one thing that is bent.
pds.ctx.crawlers.hostname = `localhost:${env.port}`
await pds.start()
say({ type: 'ready' })
process.once('SIGTERM', () => pds.destroy().then(() => process.exit(0)))
endWithParent()
