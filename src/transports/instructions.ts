// What a host is told of Remit, whichever door it came through.

export const instructions = `Remit keeps the credentials of agents. Call whoami first: it says who you are, what you hold and which tools you may call. Delegate narrower grants to sub-agents with delegate_token, and let them act by passing act_as with the grant id. Refusals say what is missing, where, and what would mend it. Secrets and tokens are never put in your context: they travel in _meta, files or handoffs.`
