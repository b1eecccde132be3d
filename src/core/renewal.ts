// When what an agent proves itself with should be replaced: so early that the old and the new overlap.

const secondsPerDay = 86_400

interface Life {
  readonly notBefore: number
  readonly notAfter: number
}

/** Seconds; a certificate once a third of its life is left, in which both are good. */
export const renewalOf = ({ notBefore, notAfter }: Life): number =>
  notAfter - Math.floor((notAfter - notBefore) / 3)

/** A secret or key by its age; a certificate by its life, once it was seen. */
export const dueAt = (
  rotationDays: number,
  { createdAt }: { readonly createdAt: number },
  certificate: Life | undefined,
): number =>
  certificate === undefined ? createdAt + rotationDays * secondsPerDay : renewalOf(certificate)
