// A PostgreSQL of the bench's own that is as durable as one in use, with fsync and
// synchronous_commit on. It ends with the run.

import pg from 'pg'
import { migratePostgres } from '../../../src/store/postgres-open.ts'
import { startPostgres } from '../../support/postgres-server.ts'
import { databaseUrl } from '../../support/postgres-names.ts'

export async function startDatabase() {
  const server = await startPostgres([])
  const outside = new pg.Client(server.url)
  await outside.connect()
  return {
    /** A new database, empty. */
    async make(name: string): Promise<string> {
      await outside.query(`create database ${name}`)
      return databaseUrl(server.url, name)
    },
    /** A new database with the schema alone. */
    async migrated(name: string): Promise<string> {
      const url = await this.make(name)
      await migratePostgres(url)
      return url
    },
    async stop() {
      await outside.end()
      await server.stop()
    },
  }
}
