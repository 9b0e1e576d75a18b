import { cp, mkdtemp, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { REAL_FOLDER, type RealSoftware } from './install.ts'
import { RealProcess } from './process.ts'

const START_MS = 60_000

/** A temporary folder of one run: the programs of e2e/real beside the installed packages, and all data. */
export class RunFolder implements AsyncDisposable {
  readonly path: string
  readonly #software: RealSoftware

  private constructor(path: string, software: RealSoftware) {
    this.path = path
    this.#software = software
  }

  static async create(software: RealSoftware): Promise<RunFolder> {
    const path = await mkdtemp(join(tmpdir(), 'bgs-real-'))
    await cp(REAL_FOLDER, path, { recursive: true, filter: (file) => !file.endsWith('node_modules') })
    await symlink(join(software.folder, 'node_modules'), join(path, 'node_modules'))
    return new RunFolder(path, software)
  }

  /** Starts one of the programs; resolves when it has said that it is ready. `onLine` gets what it says then. */
  async start(
    program: string,
    env: Record<string, string>,
    onLine: (line: { type: string }) => void = () => undefined,
    name = program,
  ): Promise<RealProcess> {
    let ready = false
    const process = new RealProcess({
      name,
      file: this.#software.node,
      args: [join(this.path, program)],
      env: { NODE_ENV: 'production', ...env },
      cwd: this.path,
      onLine: (text) => {
        if (!text.startsWith('{"type":')) return
        const line = JSON.parse(text) as { type: string }
        if (line.type === 'ready') ready = true
        else onLine(line)
      },
    })
    try {
      await process.until('it is ready', () => ready, START_MS)
    } catch (error) {
      await process[Symbol.asyncDispose]()
      throw error
    }
    return process
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.path, { recursive: true, force: true })
  }
}
