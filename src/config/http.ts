// The settings of `remit serve`, by their variables.

import type * as z from 'zod'
import { port, text } from './shapes.ts'

export interface HttpConfig {
  readonly host: string
  readonly port: number
}

/** In the order of the README's table. */
export const httpShape = {
  REMIT_HTTP_HOST: text.default('127.0.0.1').meta({
    description: 'Address that `remit serve` listens on.',
    fallback: '`127.0.0.1`',
  }),
  REMIT_HTTP_PORT: port.default(8420).meta({
    description: 'Port that `remit serve` listens on; 0 takes any free one.',
    fallback: '8420',
  }),
}

export const httpConfigOf = (values: z.output<z.ZodObject<typeof httpShape>>): HttpConfig => ({
  host: values.REMIT_HTTP_HOST,
  port: values.REMIT_HTTP_PORT,
})
