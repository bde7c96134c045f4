/**
 * The Secret Store of Foyer's Stripe App (docs.stripe.com/stripe-apps/store-secrets): what belongs to one user of an
 * account's Dashboard is kept at Stripe, by name. Part of the Stripe client; asked with the app developer's key of the mode.
 */
import type Stripe from 'stripe';
import { type Endpoint } from './request-pace';
import { type AccountCall } from './stripe-client';
import { StripeFailure } from './stripe-errors';

/** Whose secret, at which account. */
export interface SecretCall extends AccountCall {
  /** `usr_…`, as Stripe's Dashboard signs it */
  user: string;
  name: string;
}

type AnsweredApp = <T>(
  endpoint: Endpoint,
  call: AccountCall,
  ask: (client: Stripe) => Promise<T>,
) => Promise<T>;

export function secretStoreVerbs(answered: AnsweredApp) {
  return {
    /** Keeps a secret; one of the same name is replaced. A user has ten names at most, Stripe says (`refused`). */
    async setSecret(call: SecretCall & { payload: string; expiresAt?: Date }): Promise<void> {
      await answered('POST /v1/apps/secrets', call, async (client) => {
        const params: Stripe.Apps.SecretCreateParams = {
          name: call.name,
          payload: call.payload,
          scope: scopeOf(call),
        };
        if (call.expiresAt) params.expires_at = Math.floor(call.expiresAt.getTime() / 1000);
        readSecret(await client.apps.secrets.create(params, { stripeAccount: call.account }), call);
      });
    },

    /** The secret's payload; null where Stripe says that there is none (any more). */
    async findSecret(call: SecretCall): Promise<string | null> {
      return orNullWhereMissing(
        answered('GET /v1/apps/secrets/find', call, async (client) => {
          const secret = readSecret(
            await client.apps.secrets.find(
              { name: call.name, scope: scopeOf(call), expand: ['payload'] },
              { stripeAccount: call.account },
            ),
            call,
          );
          if (typeof secret.payload !== 'string')
            throw new StripeFailure('unanswered', 'Stripe answered a secret without what is in it');
          return secret.payload;
        }),
      );
    },

    /** Forgets a secret. One that is gone already counts as forgotten. */
    async deleteSecret(call: SecretCall): Promise<void> {
      await orNullWhereMissing(
        answered('POST /v1/apps/secrets/delete', call, async (client) => {
          readSecret(
            await client.apps.secrets.deleteWhere(
              { name: call.name, scope: scopeOf(call) },
              { stripeAccount: call.account },
            ),
            call,
          );
        }),
      );
    },
  };
}

function scopeOf({ user }: SecretCall): { type: 'user'; user: string } {
  return { type: 'user', user };
}

/** What is no secret of this name was no answer. */
function readSecret(secret: Stripe.Apps.Secret, { name }: SecretCall): Stripe.Apps.Secret {
  if (secret?.object !== 'apps.secret' || secret.name !== name)
    throw new StripeFailure('unanswered', 'Stripe answered something that is no secret');
  return secret;
}

async function orNullWhereMissing<T>(asked: Promise<T>): Promise<T | null> {
  try {
    return await asked;
  } catch (error) {
    const missing = error instanceof StripeFailure && error.problem === 'refused' && error.httpStatus === 404;
    if (missing) return null;
    throw error;
  }
}
