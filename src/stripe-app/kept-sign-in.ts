/**
 * What signing in to Foyer left behind, kept in Stripe's Secret Store for one user of one Dashboard and nowhere else: an
 * access token of an hour and the refresh token for the next. Invariant: of several requests that find the access token
 * expired, over all processes, one renews it; the others read what it stored. Renewing twice would look like theft to the
 * provider and sign the person out.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { z } from 'zod';
import { type Dependencies } from '../dependencies';
import { newId } from '../lib/ids';
import { hashToken } from '../lib/tokens';
import { authenticateBearer } from '../oauth-provider/authenticate-bearer';
import { type DashboardUser } from './extension-request';
import { isWorthRetrying, StripeFailure } from '../stripe/stripe-errors';
import { ExtensionRefusal } from './extension-refusal';
import { createFoyerOAuth, FoyerOAuthFailure, type FoyerTokens } from './foyer-oauth';

/** The name in the Secret Store. Each user has ten at most; we use this one. */
const SECRET_NAME = 'foyer_sign_in';

/** A refresh token that is not used dies sooner at Foyer; the secret then goes at the latest. */
const SECRET_DAYS = 365;

/** Renewed so many seconds early, that no token dies on its way. */
const MARGIN_SECONDS = 30;

/** Longer than one call to Foyer and the tries to store what came of it. */
const LEASE_SECONDS = 45;
const PATIENCE_MS = 10_000;
const LOOK_EVERY_MS = 100;

const STORE_TRIES = 3;

const keptTokens = z.object({
  accessToken: z.string(),
  refreshToken: z.string(),
  /** milliseconds of the epoch */
  expiresAt: z.number(),
});
type KeptTokens = z.infer<typeof keptTokens>;

export interface SignedIn {
  user: { id: string; name: string; email: string };
}

type Needed = Pick<Dependencies, 'config' | 'db' | 'logger' | 'stripe'>;

export function createKeptSignIns(dependencies: Needed) {
  const { config, db, logger, stripe } = dependencies;
  const foyer = createFoyerOAuth(config);

  return {
    /** Stores what an exchanged code gave. Throws StripeFailure; the grant is ended then, since nobody can use it. */
    async keep(whose: DashboardUser, tokens: FoyerTokens): Promise<void> {
      await store(whose, tokens);
    },

    /** Who is signed in to Foyer in this Dashboard; null: nobody. Renews what has expired. */
    async find(whose: DashboardUser): Promise<SignedIn | null> {
      const kept = await read(whose);
      if (!kept) return null;
      return (await signedInBy(kept)) ?? renew(whose, kept);
    },

    /** Ends the grant at Foyer and forgets it at Stripe, in this order: what is left after a failure opens nothing. */
    async end(whose: DashboardUser): Promise<void> {
      const kept = await read(whose);
      if (!kept) return;
      await foyer.revoke(kept.refreshToken);
      await stripe.deleteSecret(secretOf(whose));
    },
  };

  async function signedInBy(kept: KeptTokens): Promise<SignedIn | null> {
    if (kept.expiresAt - MARGIN_SECONDS * 1000 < Date.now()) return null;
    return authenticateBearer({ db, config }, kept.accessToken, 'orders:read');
  }

  async function renew(whose: DashboardUser, stale: KeptTokens): Promise<SignedIn | null> {
    return inTurn(whose, async () => {
      const kept = await read(whose);
      if (!kept) return null;
      const renewedMeanwhile = kept.accessToken === stale.accessToken ? null : await signedInBy(kept);
      if (renewedMeanwhile) return renewedMeanwhile;
      const tokens = await foyer.refresh(kept.refreshToken).catch(nullWhereRefused);
      if (tokens) return signedInBy(await store(whose, tokens));
      // taken back in Foyer, too old, or replayed: this secret opens nothing any more, unless it is another one by now
      const now = await read(whose);
      if (now && now.refreshToken !== kept.refreshToken) return signedInBy(now);
      await stripe.deleteSecret(secretOf(whose));
      return null;
    });
  }

  /** One at a time for each person, over all processes, without a transaction held over the network. */
  async function inTurn<T>(whose: DashboardUser, work: () => Promise<T>): Promise<T> {
    const person_hash = hashToken(`${whose.livemode} ${whose.account} ${whose.user}`);
    const lease = newId();
    const patience = Date.now() + PATIENCE_MS;
    while (!(await takeLease(person_hash, lease))) {
      if (Date.now() > patience)
        throw new ExtensionRefusal('out_of_reach', 'Foyer is busy right now. Try again in a moment.');
      await pause(LOOK_EVERY_MS);
    }
    try {
      return await work();
    } finally {
      await db('dashboard_refreshes').where({ person_hash, lease }).delete();
    }
  }

  async function takeLease(personHash: string, lease: string): Promise<boolean> {
    const { rows } = await db.raw(
      `INSERT INTO dashboard_refreshes AS held (person_hash, lease, leased_until)
       VALUES (:personHash, :lease, now() + make_interval(secs => :seconds))
       ON CONFLICT (person_hash) DO UPDATE SET lease = excluded.lease, leased_until = excluded.leased_until
         WHERE held.leased_until < now()
       RETURNING lease`,
      { personHash, lease, seconds: LEASE_SECONDS },
    );
    return rows.length > 0;
  }

  async function read(whose: DashboardUser): Promise<KeptTokens | null> {
    const payload = await stripe.findSecret(secretOf(whose));
    if (payload === null) return null;
    const parsed = keptTokens.safeParse(parseJson(payload));
    if (!parsed.success) logger.error('a secret of ours at Stripe is not in the shape that we store');
    return parsed.success ? parsed.data : null;
  }

  /** The old tokens are used up: what can't be stored is lost, so it is tried more than once, and ended if it must be. */
  async function store(whose: DashboardUser, tokens: FoyerTokens): Promise<KeptTokens> {
    const kept: KeptTokens = {
      accessToken: tokens.accessToken,
      refreshToken: tokens.refreshToken,
      expiresAt: Date.now() + tokens.expiresIn * 1000,
    };
    for (let tries = 1; ; tries += 1) {
      try {
        await stripe.setSecret({
          ...secretOf(whose),
          payload: JSON.stringify(kept),
          expiresAt: new Date(Date.now() + SECRET_DAYS * 24 * 60 * 60 * 1000),
        });
        return kept;
      } catch (error) {
        if (tries < STORE_TRIES && error instanceof StripeFailure && isWorthRetrying(error)) continue;
        await foyer.revoke(kept.refreshToken).catch(() => {
          logger.warn('a grant that could not be stored could not be ended either');
        });
        throw error;
      }
    }
  }
}

function secretOf({ account, livemode, user }: DashboardUser) {
  return { account, livemode, user, name: SECRET_NAME };
}

function nullWhereRefused(error: unknown): null {
  if (error instanceof FoyerOAuthFailure && error.problem === 'refused') return null;
  throw error;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
