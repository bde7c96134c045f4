/** SQL of grants and of the codes and tokens that came of them. All lifetimes are the database's. */
import { type Knex } from 'knex';
import { newId } from '../lib/ids';
import { hashToken, newSecretToken } from '../lib/tokens';
import { type Scope } from './oauth-clients';

const CODE_MINUTES = 5;
export const ACCESS_TOKEN_SECONDS = 60 * 60;
/** A refresh token that was not used for so long is dead; and so is, at the latest, all that came of one consent. */
const UNUSED_DAYS = 60;
const LONGEST_DAYS = 365;

/** Who presents a used refresh token within this time lost a race with themselves: refused, and nothing ends. */
const RACE_SECONDS = 10;

export type EndReason = 'person' | 'client' | 'replayed' | 'password' | 'disabled';

export interface Grant {
  id: string;
  userId: string;
  clientId: string;
  scopes: Scope[];
}

/** A code or refresh token that was presented, with its grant locked. */
export interface Presented {
  grant: Grant;
  state: 'good' | 'used_just_now' | 'used' | 'dead';
}

export interface Access {
  grantId: string;
  clientId: string;
  scopes: Scope[];
  expiresAt: Date;
  user: { id: string; name: string; email: string };
}

/** Give it a transaction to work inside one; what locks needs one. */
export function createGrantsStore(db: Knex) {
  const living = (query: Knex.QueryBuilder) =>
    void query.whereNull('oauth_grants.ended_at').where('oauth_grants.expires_at', '>', db.fn.now());

  return {
    /** Whether the person lets this client in already. */
    async isLiving(userId: string, clientId: string): Promise<boolean> {
      const row = await db('oauth_grants')
        .where({ user_id: userId, client_id: clientId })
        .modify(living)
        .first('id');
      return row !== undefined;
    },

    /** A new grant and the code by which the client gets its first tokens. */
    async create(
      grant: Omit<Grant, 'id'>,
      code: { code: string; redirectUri: string; codeChallenge: string | null },
    ): Promise<string> {
      const id = newId();
      const expires_at = db.raw('now() + make_interval(mins => ?)', [CODE_MINUTES]);
      await db('oauth_grants').insert({
        id,
        user_id: grant.userId,
        client_id: grant.clientId,
        scopes: grant.scopes,
        expires_at,
      });
      await db('oauth_codes').insert({
        code_hash: hashToken(code.code),
        grant_id: id,
        redirect_uri: code.redirectUri,
        code_challenge: code.codeChallenge,
        expires_at,
      });
      return id;
    },

    /** Null for a code that never was. */
    async lockCode(
      code: string,
    ): Promise<(Presented & { redirectUri: string; codeChallenge: string | null }) | null> {
      const found = await lockPresented('oauth_codes', { code_hash: hashToken(code) });
      if (!found) return null;
      const { redirect_uri: redirectUri, code_challenge: codeChallenge } = found.row;
      return { ...found.presented, redirectUri: redirectUri!, codeChallenge: codeChallenge ?? null };
    },

    /** Null for a refresh token that never was. */
    async lockRefreshToken(token: string): Promise<Presented | null> {
      const found = await lockPresented('oauth_tokens', { token_hash: hashToken(token), kind: 'refresh' });
      return found && found.presented;
    },

    /** Uses it up. False when somebody was quicker. */
    async consumeCode(code: string): Promise<boolean> {
      return (await consume('oauth_codes', { code_hash: hashToken(code) })) === 1;
    },

    async consumeRefreshToken(token: string): Promise<boolean> {
      return (await consume('oauth_tokens', { token_hash: hashToken(token) })) === 1;
    },

    /** An access token with `scopes`, and a refresh token with all that the grant has. The tokens themselves are answered once. */
    async issueTokens(
      grantId: string,
      scopes: Scope[],
    ): Promise<{ accessToken: string; refreshToken: string }> {
      const [accessToken, refreshToken] = [newSecretToken(), newSecretToken()];
      const [grant] = await db('oauth_grants')
        .where({ id: grantId })
        .update({
          expires_at: db.raw(
            'least(now() + make_interval(days => ?), created_at + make_interval(days => ?))',
            [UNUSED_DAYS, LONGEST_DAYS],
          ),
        })
        .returning(['scopes', 'expires_at']);
      await db('oauth_tokens').insert([
        {
          token_hash: hashToken(accessToken),
          grant_id: grantId,
          kind: 'access',
          scopes,
          expires_at: db.raw('now() + make_interval(secs => ?)', [ACCESS_TOKEN_SECONDS]),
        },
        {
          token_hash: hashToken(refreshToken),
          grant_id: grantId,
          kind: 'refresh',
          scopes: grant.scopes,
          expires_at: grant.expires_at,
        },
      ]);
      return { accessToken, refreshToken };
    },

    /** What an access token opens now; null where it is unknown, expired or ended, or its person may not sign in. */
    async findAccess(token: string): Promise<Access | null> {
      const row = await db('oauth_tokens')
        .join('oauth_grants', 'oauth_grants.id', 'oauth_tokens.grant_id')
        .join('users', 'users.id', 'oauth_grants.user_id')
        .where({ token_hash: hashToken(token), kind: 'access', 'users.disabled_at': null })
        .whereNotNull('users.email_verified_at')
        .where('oauth_tokens.expires_at', '>', db.fn.now())
        .modify(living)
        .first(
          'oauth_grants.id as grant_id',
          'client_id',
          'oauth_tokens.scopes',
          'oauth_tokens.expires_at',
          'users.id',
          'users.name',
          'users.email',
        );
      if (!row) return null;
      return {
        grantId: row.grant_id,
        clientId: row.client_id,
        scopes: row.scopes,
        expiresAt: row.expires_at,
        user: { id: row.id, name: row.name, email: row.email },
      };
    },

    /** To within five minutes: not every request is a write. */
    async noteUse(grantId: string): Promise<void> {
      await db('oauth_grants')
        .where({ id: grantId })
        .whereRaw("coalesce(last_used_at, '-infinity') < now() - interval '5 minutes'")
        .update({ last_used_at: db.fn.now() });
    },

    /** The grant of a token of either kind, whatever became of it. */
    async findByToken(token: string): Promise<{ id: string; clientId: string } | null> {
      const row = await db('oauth_tokens')
        .join('oauth_grants', 'oauth_grants.id', 'oauth_tokens.grant_id')
        .where({ token_hash: hashToken(token) })
        .first('oauth_grants.id', 'client_id');
      return row ? { id: row.id, clientId: row.client_id } : null;
    },

    /** Ends what is living of this; answers which clients lost whose access. */
    async end(
      which: { id: string } | { user_id: string; client_id?: string },
      reason: EndReason,
    ): Promise<{ userId: string; clientId: string }[]> {
      const rows: { user_id: string; client_id: string }[] = await db('oauth_grants')
        .where(which)
        .modify(living)
        .update({ ended_at: db.fn.now(), end_reason: reason })
        .returning(['user_id', 'client_id']);
      const each = new Map(
        rows.map((row) => [
          `${row.user_id} ${row.client_id}`,
          { userId: row.user_id, clientId: row.client_id },
        ]),
      );
      return [...each.values()];
    },

    /** Which clients a person lets in, the one used last first. One row for each, however often they signed in there. */
    async listOfUser(
      userId: string,
    ): Promise<{ clientId: string; scopes: Scope[]; lastUsed: Date | null }[]> {
      const rows: { client_id: string; scopes: Scope[]; last_used_at: Date | null }[] = await db(
        'oauth_grants',
      )
        .where({ user_id: userId })
        .modify(living)
        .orderByRaw('last_used_at DESC NULLS LAST, created_at DESC')
        .limit(200)
        .select('client_id', 'scopes', 'last_used_at');
      const clients = new Map<string, { scopes: Set<Scope>; lastUsed: Date | null }>();
      for (const { client_id, scopes, last_used_at: lastUsed } of rows) {
        const known = clients.get(client_id) ?? { scopes: new Set<Scope>(), lastUsed };
        for (const scope of scopes) known.scopes.add(scope);
        clients.set(client_id, known);
      }
      return [...clients].map(([clientId, { scopes, lastUsed }]) => ({
        clientId,
        scopes: [...scopes].sort(),
        lastUsed,
      }));
    },

    /** What can be used no more. A used refresh token goes when it would have expired: until then its replay is noticed. */
    async deleteOld(): Promise<void> {
      await db('oauth_tokens').where('expires_at', '<', db.fn.now()).delete();
      await db('oauth_grants').where('expires_at', '<', db.raw("now() - interval '1 day'")).delete();
    },
  };

  /** The grant is locked first, so that two who present the same come one after the other. */
  async function lockPresented(
    table: 'oauth_codes' | 'oauth_tokens',
    which: Record<string, string>,
  ): Promise<{
    presented: Presented;
    row: { redirect_uri?: string; code_challenge?: string | null };
  } | null> {
    const known = await db(table).where(which).first('grant_id');
    if (!known) return null;
    const grant = await db('oauth_grants')
      .where({ id: known.grant_id })
      .forUpdate()
      .first('*', db.raw('ended_at IS NULL AND expires_at > now() AS living'));
    const row = await db(table)
      .where(which)
      .first(
        '*',
        db.raw('expires_at > now() AS fresh'),
        db.raw('consumed_at > now() - make_interval(secs => ?) AS just_now', [RACE_SECONDS]),
      );
    if (!grant || !row) return null;
    const user = await db('users')
      .where({ id: grant.user_id, disabled_at: null })
      .whereNotNull('email_verified_at')
      .first('id');
    const used = row.consumed_at !== null;
    return {
      presented: {
        grant: { id: grant.id, userId: grant.user_id, clientId: grant.client_id, scopes: grant.scopes },
        state:
          !grant.living || !user
            ? 'dead'
            : used
              ? row.just_now
                ? 'used_just_now'
                : 'used'
              : row.fresh
                ? 'good'
                : 'dead',
      },
      row,
    };
  }

  function consume(table: 'oauth_codes' | 'oauth_tokens', which: Record<string, string>): Promise<number> {
    return db(table).where(which).whereNull('consumed_at').update({ consumed_at: db.fn.now() });
  }
}
