import { findCommand } from '@bgs/testkit/servers/commands.ts'
import { findOrInstall } from '@bgs/testkit/servers/debian-packages.ts'
import { type Browser, chromium } from 'playwright-core'

/** A real Chromium without a window: the machine's own, or the Debian package. */
export async function openBrowser(): Promise<Browser> {
  const executablePath = await findOrInstall('Chromium', ['chromium', 'fonts-dejavu-core'], () =>
    findCommand(['chromium', 'chromium-browser', 'google-chrome']),
  )
  // Chromium's own sandbox does not run as root, which is what containers and CI are.
  const args = process.getuid?.() === 0 ? ['--no-sandbox'] : []
  return chromium.launch({ executablePath, args, headless: true })
}
