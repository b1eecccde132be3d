// There is no authorization endpoint: nobody is asked for consent. Its address is in the metadata because the
// clients of MCP want one there; whoever follows it is told so (RFC 6749 §4.1.2.1).

import type { Routes } from '../http/door.ts'
import { answerError } from './answer.ts'

export const authorizationRoutes: Routes = (app) => {
  app.all('/authorize', (ask) =>
    answerError(ask, 'unsupported_response_type', 400, 'Use the grant types of the metadata.'),
  )
}
