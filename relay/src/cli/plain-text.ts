/** Text that others have chosen, as a terminal may have it: nothing of it steers the terminal. */
export function plainText(text: string): string {
  return text.replaceAll(/\p{Cc}/gu, '?')
}
