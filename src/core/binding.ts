// What a grant, and so each of its tokens, is bound to: a key by its RFC 7638 thumbprint, or a client
// certificate by its own. A grant keeps it as one text; tokens say it as `cnf` (RFC 7800 §3).

/** The key a token is bound to: a DPoP key (RFC 9449 §6.1) or a client certificate (RFC 8705 §3.1). */
export type Confirmation = { readonly jkt: string } | { readonly 'x5t#S256': string }

const ofCertificate = 'x5t#S256:'

/** How a grant keeps a confirmation. */
export const bindingOf = (cnf: Confirmation): string =>
  'jkt' in cnf ? cnf.jkt : `${ofCertificate}${cnf['x5t#S256']}`

/** How a token says a binding. */
export const confirmationOf = (binding: string): Confirmation =>
  binding.startsWith(ofCertificate)
    ? { 'x5t#S256': binding.slice(ofCertificate.length) }
    : { jkt: binding }

/** A token bound to a key is presented as DPoP (RFC 9449 §5), any other as ever. */
export const tokenTypeOf = (binding: string | undefined): 'DPoP' | 'Bearer' =>
  binding === undefined || binding.startsWith(ofCertificate) ? 'Bearer' : 'DPoP'
