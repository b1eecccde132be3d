// What the run's server and the tests call the databases on it.

/** A database with the schema in it, which is copied sooner than it is migrated again. */
export const template = 'remit_template'

/** Where the names of databases stand that were given back and are empty again. */
export const freeDatabases = 'free_databases'

/** The URL of another database of the same server. */
export function databaseUrl(server: string, name: string): string {
  const url = new URL(server)
  url.pathname = `/${name}`
  return url.href
}
