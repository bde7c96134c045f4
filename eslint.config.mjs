import tseslint from 'typescript-eslint';

/** Features may use these; these never import a feature. */
const foundations = ['http', 'db', 'lib'];
const features = [
  'accounts',
  'organizers',
  'events',
  'ticket-types',
  'connect',
  'checkout',
  'orders',
  'payments',
  'webhooks',
  'check-in',
  'admin',
  'oauth-provider',
  'cancellations',
  'discounts',
  'messages',
  'questions',
  'stripe-app',
];

export default tseslint.config(
  { ignores: ['dist/**', 'coverage/**', '.data/**', 'views/assets/**'] },
  ...tseslint.configs.recommended,
  {
    files: ['**/*.{ts,tsx}'],
    rules: {
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
      'no-restricted-syntax': [
        'error',
        {
          selector:
            "CallExpression[callee.property.name='raw'] > TemplateLiteral.arguments:first-child[expressions.length>0]",
          message: 'No template literal with values inside .raw(: bind them.',
        },
        {
          selector:
            "CallExpression[callee.property.name='render'] MemberExpression[object.name='req'][property.name=/^(query|body|params)$/]",
          message: 'Locals are passed by name, never from a request.',
        },
        {
          selector: "Identifier[name='constructEventWithoutVerification']",
          message: 'Every webhook is verified.',
        },
        {
          selector: "MemberExpression[object.name='z'][property.name='coerce']",
          message: "z.coerce turns '' into 0 and 'false' into true.",
        },
      ],
      eqeqeq: ['error', 'always'],
      'no-console': 'error',
    },
  },
  ...foundations.map((folder) => ({
    files: [`src/${folder}/**/*.ts`],
    rules: {
      'no-restricted-imports': [
        'error',
        {
          patterns: features.map((feature) => ({
            group: [`**/${feature}/**`],
            message: `${folder}/ never imports a feature.`,
          })),
        },
      ],
    },
  })),
  {
    files: ['src/**/*.{ts,tsx}'],
    ignores: ['src/stripe/**', 'src/stripe-simulator/**'],
    rules: {
      '@typescript-eslint/no-restricted-imports': [
        'error',
        {
          paths: [{ name: 'stripe', message: 'Only src/stripe/ speaks to Stripe.' }],
          patterns: [
            { group: ['**/stripe-simulator/**'], message: 'The simulator is reached over HTTP alone.' },
          ],
        },
      ],
    },
  },
  {
    files: ['src/server.ts', 'src/stripe-simulator/**', 'src/**/*-command.ts', 'test/**'],
    rules: { 'no-console': 'off' },
  },
  { files: ['**/*.js', '**/*.mjs'], rules: { '@typescript-eslint/no-require-imports': 'off' } },
);
