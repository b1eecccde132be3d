// `remit serve` has no environment caller (authority: rule 8).

import type { Presented } from '../../authority/presented.ts'

export const nobody: Presented = { kind: 'nothing' }
