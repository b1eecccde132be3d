// What `remit doctor` says about one thing that it looked at.

export interface Finding {
  readonly about: string
  readonly state: 'ok' | 'warning' | 'problem'
  readonly text: string
}

export const ok = (about: string, text: string): Finding => ({ about, state: 'ok', text })
export const warning = (about: string, text: string): Finding => ({ about, state: 'warning', text })
export const problem = (about: string, text: string): Finding => ({ about, state: 'problem', text })
