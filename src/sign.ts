// The package `remit-mcp/sign`: what an agent's side does with its own keys, in harnesses, clients and the
// agents themselves. Pure functions of their arguments: no database, no native module, no server.
//
//   const proof = await signCallProof(privateJwk, { audience, operation, arguments, meta, of: { token } })

export type { ProvenCall } from './crypto/call-proof.ts'
export { signClientAssertion } from './sign/client-assertion.ts'
export type { ClientAssertion } from './sign/client-assertion.ts'
export { newAuthenticationNonce, verifyAuthentication } from './sign/authentication.ts'
export type { Authentication, Expected } from './sign/authentication.ts'
export { signCallProof, signDpopProof } from './sign/key-proof.ts'
export type { DpopRequest, PrivateJwk, Stamp } from './sign/key-proof.ts'
export type { HttpRequest } from './crypto/http-message.ts'
export { openDelivery } from './sign/open-delivery.ts'
export type { Opened, OpenFlaw, Opening } from './sign/open-delivery.ts'
export { signRequest } from './sign/request.ts'
export type { RequestSigner, Signing } from './sign/request.ts'
