// How often what takes rounds is tried: a few times by default, as often as is promised by `npm run test:long`,
// and as often as REMIT_TEST_ROUNDS says where that is set.

export function rounds(usual: { readonly short: number; readonly long: number }): number {
  const asked = Number(process.env['REMIT_TEST_ROUNDS'] ?? 0)
  if (asked > 0) return asked
  return isLong ? usual.long : usual.short
}

const isLong = process.env['REMIT_TEST_LENGTH'] === 'long'
