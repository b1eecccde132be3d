// Clients check every answer against its output schema. Compiling those takes longer than a server's start, so
// that all clients of a worker share what was compiled.
import { AjvJsonSchemaValidator } from '@modelcontextprotocol/sdk/validation/ajv'
import type {
  JsonSchemaType,
  JsonSchemaValidator,
  jsonSchemaValidator,
} from '@modelcontextprotocol/sdk/validation/types.js'

const ajv = new AjvJsonSchemaValidator()
const compiled = new Map<string, JsonSchemaValidator<unknown>>()

export const compiledOnce: jsonSchemaValidator = {
  getValidator<T>(schema: JsonSchemaType): JsonSchemaValidator<T> {
    const text = JSON.stringify(schema)
    const known = compiled.get(text) ?? ajv.getValidator(schema)
    compiled.set(text, known)
    return known as JsonSchemaValidator<T>
  },
}
