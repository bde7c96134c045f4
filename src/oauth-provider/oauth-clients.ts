/** The programs that may ask people for access, as OAUTH_CLIENTS lists them, and what they may ask for. */
import { createHash, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';

/** What a grant lets a client read, in the words that a person is asked with, and in one. */
export const SCOPE_WORDS = {
  'events:read': { whole: 'Your events: title, time, place and state, drafts too', short: 'events' },
  'orders:read': {
    whole: 'Your orders: buyers’ names and email addresses, tickets, amounts and check-ins',
    short: 'orders',
  },
} as const;

export type Scope = keyof typeof SCOPE_WORDS;

const SCOPES = Object.keys(SCOPE_WORDS) as [Scope, ...Scope[]];

export interface OAuthClient {
  id: string;
  name: string;
  /** the first is the client's own, all are accepted; none: a public client, which proves itself by PKCE alone */
  secrets: string[];
  /** compared letter by letter */
  redirectUris: string[];
  scopes: Scope[];
}

/** The client by which Foyer's own Stripe App signs people in. */
export const STRIPE_APP_CLIENT_ID = 'stripe-app';

const clientSettings = z.strictObject({
  id: z.string().regex(/^[a-z0-9][a-z0-9-]{1,62}$/),
  name: z.string().regex(/^[^\p{C}]{1,60}$/u),
  // letters that mean the same in a header, a form and an address
  secrets: z
    .array(z.string().regex(/^[A-Za-z0-9_-]{32,200}$/))
    .max(5)
    .default([]),
  redirect_uris: z.array(z.string()).min(1).max(10),
  scopes: z.array(z.enum(SCOPES)).min(1).default(SCOPES),
});

const SHAPE =
  'OAUTH_CLIENTS: is a JSON list of {"id", "name", "secrets", "redirect_uris", "scopes"}, as .env.example shows';

/** Reads the setting; adds to `problems` what is wrong with it, by name and never with a value. */
export function readOAuthClients(
  given: string | undefined,
  { production }: { production: boolean },
  problems: string[],
): OAuthClient[] {
  const parsed = z.array(clientSettings).safeParse(given === undefined ? [] : parseJson(given));
  if (!parsed.success) {
    const { path } = parsed.error.issues[0]!;
    problems.push(
      path.length > 1 ? `${SHAPE} (look at ${String(path[1])} of client ${Number(path[0]) + 1})` : SHAPE,
    );
    return [];
  }
  const clients = parsed.data.map(({ redirect_uris, ...client }) => ({
    ...client,
    redirectUris: redirect_uris,
  }));
  if (new Set(clients.map(({ id }) => id)).size < clients.length)
    problems.push('OAUTH_CLIENTS: each id stands there once');
  if (clients.some(({ redirectUris }) => !redirectUris.every((uri) => isRedirectUri(uri, production))))
    problems.push(
      'OAUTH_CLIENTS: each of redirect_uris is a whole address without query and fragment, with https:// in production',
    );
  return clients;
}

/** The Stripe App's client where none is set: the backend of the app is this Foyer itself. */
export function stripeAppClient(baseUrl: string, secret: string): OAuthClient {
  return {
    id: STRIPE_APP_CLIENT_ID,
    name: 'Foyer for Stripe',
    secrets: [secret],
    // both spellings are in use
    redirectUris: [`${baseUrl}/api/oauth/authorise`, `${baseUrl}/api/oauth/authorize`],
    scopes: SCOPES,
  };
}

export function findClient(clients: OAuthClient[], id: unknown): OAuthClient | null {
  return clients.find((client) => client.id === id) ?? null;
}

/** The client, where this is its secret, or it is a public one and none was given (RFC 6749, 2.3). In constant time. */
export function authenticateClient(
  clients: OAuthClient[],
  id: unknown,
  secret: string | null | undefined,
): OAuthClient | null {
  const client = findClient(clients, id);
  if (!client) return null;
  if (client.secrets.length === 0) return secret ? null : client;
  if (!secret) return null;
  return client.secrets.some((known) => timingSafeEqual(digest(known), digest(secret))) ? client : null;
}

/** Written as browsers write it, so that comparing letter by letter refuses nothing that is the same. */
function isRedirectUri(uri: string, production: boolean): boolean {
  const url = URL.canParse(uri) ? new URL(uri) : null;
  return (
    url !== null &&
    url.href === uri &&
    (url.protocol === 'https:' || (url.protocol === 'http:' && !production)) &&
    url.search === '' &&
    url.hash === '' &&
    url.username === '' &&
    url.password === '' &&
    !/[?#]$/.test(uri)
  );
}

function digest(secret: string): Buffer {
  return createHash('sha256').update(secret).digest();
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
