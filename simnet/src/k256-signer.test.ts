import { Secp256k1Keypair } from '@atproto/crypto'
import { expect, it } from 'vitest'
import { k256Signer } from './k256-signer.ts'
import { Random } from './random.ts'

it('signs as the reference signer does, byte for byte', async () => {
  const random = new Random('signer')
  for (let i = 0; i < 50; i++) {
    const privateKey = random.bytes(32)
    privateKey[0] = (privateKey[0] ?? 0) & 0x7f
    privateKey[31] = (privateKey[31] ?? 0) | 1
    const reference = await Secp256k1Keypair.import(privateKey)
    const message = random.bytes(random.int(300))
    expect(Buffer.from(k256Signer(privateKey)(message))).toEqual(Buffer.from(await reference.sign(message)))
  }
})
