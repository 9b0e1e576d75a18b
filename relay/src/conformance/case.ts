import { z } from 'zod'

/** One frame case (form: vectors/README.md): a frame, what is known, and what is to become of it. */
export const FrameCase = z.object({
  name: z.string(),
  expect: z.string(),
  didDoc: z.unknown(),
  refreshedDidDoc: z.unknown(),
  host: z.string(),
  prev: z.object({ rev: z.string(), data: z.string() }).nullable(),
  nowMs: z.number(),
  account: z.object({ local: z.string(), upstream: z.string() }),
  frame: z.base64(),
})
export type FrameCase = z.infer<typeof FrameCase>
