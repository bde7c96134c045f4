/**
 * Promise 6: a state is 256 random bits made here, stored hashed, bound to session, person, organizer and mode, lives ten
 * minutes, and is consumed atomically before the code is exchanged. Missing never equals missing.
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

export type ConsumedState =
  | { outcome: 'consumed'; state: OAuthState }
  | { outcome: 'used_before'; state: OAuthState }
  | { outcome: 'not_valid' };

export function createOAuthStates(db: Knex) {
  return {
    /** Makes a state for this session and answers it; only its hash is kept. */
    async issue(binding: OAuthState & { sessionId: string }): Promise<string> {
      const state = newSecretToken();
      await db('oauth_states').insert({
        state_hash: hashToken(state),
        session_hash: hashToken(binding.sessionId),
        user_id: binding.userId,
        organizer_id: binding.organizerId,
        livemode: binding.livemode,
        return_to: binding.returnTo,
        draft_id: binding.draftId,
        purpose: binding.purpose,
        reconnects: binding.reconnects,
        expires_at: db.raw('now() + make_interval(mins => ?)', [LIFETIME_MINUTES]),
      });
      return state;
    },

    /**
     * Takes a state that came back, once. `used_before` only for the same person in the same session: for all others a
     * used state is as invalid as an unknown one.
     */
    async consume(returned: { state: unknown; sessionId: string; userId: string }): Promise<ConsumedState> {
      if (typeof returned.state !== 'string' || returned.state.length < 20 || returned.state.length > 100)
        return { outcome: 'not_valid' };
      const mine = {
        state_hash: hashToken(returned.state),
        session_hash: hashToken(returned.sessionId),
        user_id: returned.userId,
      };
      const [row] = await db('oauth_states')
        .where(mine)
        .whereNull('consumed_at')
        .where('expires_at', '>', db.fn.now())
        .update({ consumed_at: db.fn.now() })
        .returning('*');
      if (row) return { outcome: 'consumed', state: toState(row) };
      const used = await db('oauth_states').where(mine).whereNotNull('consumed_at').first();
      return used ? { outcome: 'used_before', state: toState(used) } : { outcome: 'not_valid' };
    },

    /** States that nobody can use any more. */
    async deleteOld(): Promise<void> {
      await db('oauth_states').where('expires_at', '<', db.raw("now() - interval '1 day'")).delete();
    },
  };
}

function toState(row: {
  user_id: string;
  organizer_id: string;
  livemode: boolean;
  return_to: ReturnTo;
  draft_id: string | null;
  purpose: Purpose;
  reconnects: string | null;
}): OAuthState {
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
