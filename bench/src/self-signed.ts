import { execFileSync } from 'node:child_process'
import { join } from 'node:path'

/** A key and its certificate, in files. */
export interface Certificate {
  readonly keyFile: string
  readonly certFile: string
}

/** Makes a certificate for `localhost` in the folder, signed by itself, of the kind that most hosts have: P-256. */
export function selfSigned(folder: string): Certificate {
  const [keyFile, certFile] = [join(folder, 'key.pem'), join(folder, 'cert.pem')]
  const request = ['req', '-x509', '-nodes', '-days', '2', '-newkey', 'ec']
  const subject = ['-pkeyopt', 'ec_paramgen_curve:P-256', '-subj', '/CN=localhost']
  const names = ['-addext', 'subjectAltName=DNS:localhost']
  execFileSync('openssl', [...request, ...subject, ...names, '-keyout', keyFile, '-out', certFile], {
    stdio: 'ignore',
  })
  return { keyFile, certFile }
}
