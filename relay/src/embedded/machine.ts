import type { Database } from '@bgs/contract/database.ts'
import { SqliteDatabase } from '@bgs/database/sqlite.ts'
import { type Machine, thisMachine } from '../machine.ts'

/** An embedded relay has its database on its machine, too. */
export interface EmbeddedMachine extends Machine {
  /** Opens or creates the database. Throws SchemaError. */
  openDatabase(path: string): Promise<Database>
}

/** This one. */
export const thisEmbeddedMachine: EmbeddedMachine = {
  ...thisMachine,
  openDatabase: (path) => SqliteDatabase.open(path),
}
