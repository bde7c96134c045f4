/**
 * Promise 6: a state is 256 random bits made here, stored hashed, bound to session, mode and, for a connection, person and
 * organizer, lives ten minutes, and is consumed atomically before the code is exchanged. Missing never equals missing.
 */
import { type Knex } from 'knex';
import { hashToken, newSecretToken } from '../lib/tokens';

const LIFETIME_MINUTES = 10;

export type ReturnTo = 'payments' | 'event_draft';

/** A first account, one more, or one that was connected before. */
export type Purpose = 'first' | 'another' | 'again';

export interface OAuthState {
  userId: string;
  organizerId: string;
  livemode: boolean;
  returnTo: ReturnTo;
  draftId: string | null;
  purpose: Purpose;
  /** the ended connection whose account is to be connected again */
  reconnects: string | null;
}

/** Of installing the Stripe App, which needs nobody to be signed in. */
export interface InstallState {
  livemode: boolean;
  /** who began it, where somebody was signed in */
  userId: string | null;
}

export type ConsumedState =
  | { outcome: 'consumed'; state: OAuthState }
  | { outcome: 'used_before'; state: OAuthState }
  | { outcome: 'not_valid' };

export type ConsumedInstallState =
  { outcome: 'consumed'; state: InstallState } | { outcome: 'used_before' | 'expired' | 'not_valid' };

interface StateRow {
  user_id: string;
  organizer_id: string;
  livemode: boolean;
  return_to: ReturnTo;
  draft_id: string | null;
  purpose: Purpose;
  reconnects: string | null;
}

export function createOAuthStates(db: Knex) {
  return {
    /** Makes a state for this session and answers it; only its hash is kept. */
    async issue(binding: OAuthState & { sessionId: string }): Promise<string> {
      return insert(binding.sessionId, {
        kind: 'connect',
        user_id: binding.userId,
        organizer_id: binding.organizerId,
        livemode: binding.livemode,
        return_to: binding.returnTo,
        draft_id: binding.draftId,
        purpose: binding.purpose,
        reconnects: binding.reconnects,
      });
    },

    /** The same for installing the Stripe App. */
    async issueForInstall(binding: InstallState & { sessionId: string }): Promise<string> {
      return insert(binding.sessionId, {
        kind: 'stripe_app',
        user_id: binding.userId,
        livemode: binding.livemode,
        return_to: 'stripe_app',
      });
    },

    /**
     * Takes a state that came back, once. `used_before` only for the same person in the same session: for all others a
     * used state is as invalid as an unknown one.
     */
    async consume(returned: { state: unknown; sessionId: string; userId: string }): Promise<ConsumedState> {
      const taken = await take(returned, { kind: 'connect', user_id: returned.userId });
      if (taken.outcome === 'consumed') return { outcome: 'consumed', state: toState(taken.row) };
      if (taken.outcome === 'used_before') return { outcome: 'used_before', state: toState(taken.row) };
      return { outcome: 'not_valid' };
    },

    /** The same for installing: `used_before` and `expired` only in the session that began it. */
    async consumeForInstall(returned: { state: unknown; sessionId: string }): Promise<ConsumedInstallState> {
      const taken = await take(returned, { kind: 'stripe_app' });
      if (taken.outcome !== 'consumed') return { outcome: taken.outcome };
      const { livemode, user_id: userId } = taken.row;
      return { outcome: 'consumed', state: { livemode, userId } };
    },

    /** States that nobody can use any more. */
    async deleteOld(): Promise<void> {
      await db('oauth_states').where('expires_at', '<', db.raw("now() - interval '1 day'")).delete();
    },
  };

  async function insert(sessionId: string, fields: Record<string, unknown>): Promise<string> {
    const state = newSecretToken();
    await db('oauth_states').insert({
      ...fields,
      state_hash: hashToken(state),
      session_hash: hashToken(sessionId),
      expires_at: db.raw('now() + make_interval(mins => ?)', [LIFETIME_MINUTES]),
    });
    return state;
  }

  async function take(
    returned: { state: unknown; sessionId: string },
    binding: Record<string, string>,
  ): Promise<
    { outcome: 'consumed' | 'used_before'; row: StateRow } | { outcome: 'expired' } | { outcome: 'not_valid' }
  > {
    if (typeof returned.state !== 'string' || returned.state.length < 20 || returned.state.length > 100)
      return { outcome: 'not_valid' };
    const mine = {
      ...binding,
      state_hash: hashToken(returned.state),
      session_hash: hashToken(returned.sessionId),
    };
    const [row] = await db('oauth_states')
      .where(mine)
      .whereNull('consumed_at')
      .where('expires_at', '>', db.fn.now())
      .update({ consumed_at: db.fn.now() })
      .returning('*');
    if (row) return { outcome: 'consumed', row };
    const known = await db('oauth_states').where(mine).first();
    if (!known) return { outcome: 'not_valid' };
    return known.consumed_at ? { outcome: 'used_before', row: known } : { outcome: 'expired' };
  }
}

function toState(row: StateRow): OAuthState {
  return {
    userId: row.user_id,
    organizerId: row.organizer_id,
    livemode: row.livemode,
    returnTo: row.return_to,
    draftId: row.draft_id,
    purpose: row.purpose,
    reconnects: row.reconnects,
  };
}
