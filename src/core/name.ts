// Names, labels, tasks and free text: the shapes in which people and agents call things.
// Anything else is refused, never repaired.

import { looksLikeId } from './id.ts'

export const namePattern = /^[a-z0-9][a-z0-9._-]{0,63}$/

/** A name of an agent, server, type or operation; never mistaken for an id. */
export const isName = (text: string): boolean => namePattern.test(text) && !looksLikeId(text)

/** A task is 1–16 labels joined by `/`. */
export function isTask(text: string): boolean {
  if (text.length > 16 * 65) return false
  const labels = text.split('/')
  return labels.length <= 16 && labels.every(isName)
}

/** Whether `task` is `ancestor` or one of its sub-tasks. */
export const isSubtask = (task: string, ancestor: string): boolean =>
  task === ancestor || task.startsWith(`${ancestor}/`)

/** The task itself and everything it is part of: `a/b/c` → `a`, `a/b`, `a/b/c`. */
export function taskAndAncestors(task: string): string[] {
  const labels = task.split('/')
  return labels.map((_, i) => labels.slice(0, i + 1).join('/'))
}

/** At most 500 characters (code points) without control characters, and well-formed Unicode. */
export const isFreeText = (text: string): boolean =>
  text.length <= 1000 && [...text].length <= 500 && !/[\p{Cc}\p{Cs}\u2028\u2029]/u.test(text)
