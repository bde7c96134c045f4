/**
 * The state of a sign-in that began in Stripe's Dashboard. It says, encrypted and sealed by us, for whom it is, so that it
 * does not hang on Stripe's signature, which lives five minutes; it lives ten, counts once, and only its hash is stored
 * (promise 6). There is no session to bind it to: the tab that comes back is not the frame that asked.
 */
import { createHash } from 'node:crypto';
import { type Knex } from 'knex';
import { z } from 'zod';
import { type Encryption } from '../lib/encryption';
import { hashToken, newSecretToken } from '../lib/tokens';
import { type DashboardUser } from './extension-request';

const LIFETIME_MINUTES = 10;
export const SIGN_IN_SECONDS = LIFETIME_MINUTES * 60;
const CONTEXT = 'dashboard-sign-in';

const sealed = z.object({
  user: z.string(),
  account: z.string(),
  livemode: z.boolean(),
  /** PKCE (RFC 7636): whoever reads the state can't read it */
  verifier: z.string(),
});

export function createDashboardSignIns({ db, encryption }: { db: Knex; encryption: Encryption }) {
  const signIns = () => db('dashboard_sign_ins');

  return {
    /** A state and the challenge that belongs to it. */
    async issue(whose: DashboardUser): Promise<{ state: string; codeChallenge: string }> {
      const verifier = newSecretToken();
      const state = encryption.encrypt(JSON.stringify({ ...whose, verifier }), CONTEXT);
      await signIns().insert({
        state_hash: hashToken(state),
        expires_at: db.raw('now() + make_interval(mins => ?)', [LIFETIME_MINUTES]),
      });
      return { state, codeChallenge: createHash('sha256').update(verifier).digest('base64url') };
    },

    /** Takes a state that came back, once. Null: not ours, too old, or used. */
    async consume(state: unknown): Promise<{ whose: DashboardUser; verifier: string } | null> {
      const opened = open(state);
      if (!opened) return null;
      const taken = await signIns()
        .where({ state_hash: hashToken(state as string) })
        .whereNull('consumed_at')
        .where('expires_at', '>', db.fn.now())
        .update({ consumed_at: db.fn.now() });
      if (taken !== 1) return null;
      const { verifier, ...whose } = opened;
      return { whose, verifier };
    },

    /** States that nobody can use any more. */
    async deleteOld(): Promise<void> {
      await signIns().where('expires_at', '<', db.raw("now() - interval '1 day'")).delete();
    },
  };

  function open(state: unknown): z.infer<typeof sealed> | null {
    if (typeof state !== 'string' || state.length > 1000) return null;
    try {
      return sealed.parse(JSON.parse(encryption.decrypt(state, CONTEXT)));
    } catch {
      return null;
    }
  }
}
