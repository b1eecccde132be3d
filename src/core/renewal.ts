// When a certificate should be renewed: once a third of its life is left, so that old and new overlap.

/** Seconds; both certificates are good from then until the old one ends. */
export const renewalOf = (life: {
  readonly notBefore: number
  readonly notAfter: number
}): number => life.notAfter - Math.floor((life.notAfter - life.notBefore) / 3)
