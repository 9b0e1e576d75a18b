/** One JSON object a line on standard output: how the programs of this folder talk to the test. */
export function say(line) {
  process.stdout.write(`${JSON.stringify(line)}\n`)
}

/** Ends this program when the test that started it is gone, however that ended. */
export function endWithParent() {
  process.stdin.on('close', () => process.exit(0))
  process.stdin.resume()
}
