import type { Reporter, TestModule } from 'vitest/node'

/**
 * Ends the output with one plain line: how many tests passed, failed and were skipped. One before it tells how many vector
 * files were not there.
 */
export class SummaryReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], errors: readonly unknown[]): void {
    const missing = new Set<string>()
    const count = { passed: 0, failed: errors.length, skipped: 0, pending: 0 }
    for (const module of modules) {
      for (const test of module.children.allTests()) {
        const { state } = test.result()
        count[state]++
        if (state !== 'skipped') for (const name of test.meta().missingVectors ?? []) missing.add(name)
      }
      // A file that could not be loaded has no tests to fail.
      if (module.state() === 'failed' && [...module.children.allTests('failed')].length === 0) count.failed++
    }
    if (missing.size > 0)
      process.stdout.write(
        `vectors beside the project: ${missing.size} files not there, equivalents ran instead\n`,
      )
    process.stdout.write(`${count.passed} passed, ${count.failed} failed, ${count.skipped} skipped\n`)
  }
}
