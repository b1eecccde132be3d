// Remit's own operations are scopes too. These types exist in every organisation from the start and
// nobody can register them.

const operations: Readonly<Record<string, readonly string[]>> = {
  agents: ['register', 'update', 'suspend', 'read'],
  tokens: ['delegate', 'read', 'revoke'],
  credentials: ['create', 'read', 'rotate', 'revoke'],
  servers: ['register', 'read', 'rotate'],
  resource_types: ['register'],
  keys: ['rotate'],
  audit: ['read', 'verify'],
  permissions: ['check'],
  tool: ['invoke'],
}

/** Reserved types with their operations, each known from change 0 on. */
export const reservedTypes: ReadonlyMap<string, ReadonlyMap<string, number>> = new Map(
  Object.entries(operations).map(([type, names]) => [type, new Map(names.map((n) => [n, 0]))]),
)
