/** Calls a query of com.atproto.sync and returns what is answered, errors too. */
export async function xrpc(
  url: string,
  method: string,
  params: Record<string, string> = {},
): Promise<Record<string, unknown>> {
  const answer = await fetch(`${url}/xrpc/com.atproto.sync.${method}?${new URLSearchParams(params)}`)
  return (await answer.json()) as Record<string, unknown>
}
