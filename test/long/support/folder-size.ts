// How much the files of a folder take, as a failing disk counts it.

import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'

export const folderSize = (folder: string): number =>
  readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, { name }) => sum + statSync(join(folder, name)).size, 0)
