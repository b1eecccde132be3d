// What of MCP's conformance suite does not apply to Remit, and why. The suite drives a server that was made for
// it, with tools, prompts and resources of fixed names; what needs one of those cannot pass against another.
// Release 0.1.16 knows the revisions of 2025 alone; 2026-07-28 is first known to the pre-releases of 0.2.0.

const fixtureTools = [
  'tools-call-image/tools-call-image',
  'tools-call-audio/tools-call-audio',
  'tools-call-embedded-resource/tools-call-embedded-resource',
  'tools-call-mixed-content/tools-call-mixed-content',
  'tools-call-with-progress/tools-call-with-progress',
  'json-schema-2020-12/json-schema-2020-12-tool-found',
]

const fixtureResources = [
  'resources-read-text/resources-read-text',
  'resources-read-binary/resources-read-binary',
  'resources-templates-read/resources-templates-read',
]

const prompts = [
  'prompts-list/prompts-list',
  'prompts-get-simple/prompts-get-simple',
  'prompts-get-with-args/prompts-get-with-args',
  'prompts-get-embedded-resource/prompts-get-embedded-resource',
  'prompts-get-with-image/prompts-get-with-image',
]

const completions = ['completion-complete/completion-complete']

export const suites = [
  {
    name: 'the revisions of 2025',
    version: '0.1.16',
    args: ['--suite', 'all'],
    doNotApply: {
      'It calls a tool of the suite’s own server.': fixtureTools,
      'It reads a resource of the suite’s own server.': fixtureResources,
      'Remit has no prompts and declares none.': prompts,
      'Remit completes no arguments and declares no completions.': completions,
      'Remit logs to its operator, not to its clients, and declares no logging.': [
        'logging-set-level/logging-set-level',
        'tools-call-with-logging/tools-call-with-logging',
      ],
      'Resources cannot be subscribed to, and Remit declares none that can.': [
        'resources-subscribe/resources-subscribe',
        'resources-unsubscribe/resources-unsubscribe',
      ],
      'Remit asks nothing of its clients: no sampling, no elicitation.': [
        'tools-call-sampling/tools-call-sampling',
        'tools-call-elicitation/tools-call-elicitation',
        'elicitation-sep1034-defaults/elicitation-sep1034-general',
        'elicitation-sep1330-enums/elicitation-sep1330-general',
      ],
    },
    passed: [
      'server-initialize',
      'ping',
      'tools-list',
      'tools-call-simple-text',
      'tools-call-error',
      'resources-list',
      'dns-rebinding-protection',
    ],
  },
  {
    name: 'revision 2026-07-28',
    version: '0.2.0-alpha.12',
    args: ['--suite', 'all', '--spec-version', '2026-07-28'],
    doNotApply: {
      'It calls a tool of the suite’s own server.': [
        ...fixtureTools,
        'server-stateless/sep-2575-server-rejects-undeclared-capability',
        'server-stateless/sep-2575-missing-capability-http-400',
      ],
      'It reads a resource of the suite’s own server.': fixtureResources,
      'Remit has no prompts and declares none.': [
        ...prompts,
        'caching/sep-2549-prompts-list-caching-hints',
      ],
      'Remit completes no arguments and declares no completions.': completions,
      'No tool of Remit declares that an argument travels in a header.': [
        'http-custom-header-server-validation/sep-2243-server-no-xmcp-tool',
        'http-custom-header-server-validation/sep-2243-server-decode-base64',
        'http-custom-header-server-validation/sep-2243-server-validate-param-match',
        'http-custom-header-server-validation/sep-2243-server-reject-invalid-param-chars',
        'http-custom-header-server-validation/sep-2243-server-reject-param-mismatch',
      ],
      'Remit asks nothing of its clients, issues no requestState and refuses any.': [
        'input-required-result-basic-elicitation/sep-2322-elicitation-incomplete',
        'input-required-result-basic-sampling/sep-2322-sampling-incomplete',
        'input-required-result-basic-list-roots/sep-2322-list-roots-incomplete',
        'input-required-result-request-state/sep-2322-request-state-incomplete',
        'input-required-result-multiple-input-requests/sep-2322-multiple-inputs-incomplete',
        'input-required-result-multi-round/sep-2322-multi-round-r1',
        'input-required-result-non-tool-request/sep-2322-non-tool-incomplete',
        'input-required-result-result-type/sep-2322-result-type-included',
        'input-required-result-tampered-state/sep-2322-reject-tampered-state',
        'input-required-result-capability-check/sep-2322-respect-client-capabilities',
      ],
    },
    passed: [
      'server-stateless',
      'tools-list',
      'tools-call-simple-text',
      'tools-call-error',
      'resources-list',
      'sep-2164-resource-not-found',
      'server-sse-multiple-streams',
      'dns-rebinding-protection',
      'caching',
      'http-header-validation',
      'input-required-result-unsupported-methods',
      'input-required-result-ignore-extra-params',
    ],
  },
] as const
