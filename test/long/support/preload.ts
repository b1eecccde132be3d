// C that is loaded before the libc of real processes: compiled into a temporary folder. Where there is no C
// compiler, or no Linux, whoever asks for it fails aloud.

import { spawnSync } from 'node:child_process'
import { basename, join } from 'node:path'
import { temporaryFolder } from '../../support/temporary.ts'

/** Compiles a file; returns the path of the library, which goes when the test ends. */
export function compilePreload(source: string): string {
  if (process.platform !== 'linux') throw new Error('Disks are simulated on Linux only.')
  const library = join(temporaryFolder(), basename(source).replace(/\.c$/, '.so'))
  const args = ['-shared', '-fPIC', '-O1', '-o', library, source, '-ldl', '-lpthread']
  const { error, status, stderr } = spawnSync('cc', args, { encoding: 'utf8' })
  if (error !== undefined) throw new Error('Simulated disks need a C compiler, `cc`.')
  if (status !== 0) throw new Error(`${source} did not compile: ${stderr}`)
  return library
}
