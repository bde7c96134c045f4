/** What was last seen of the platform's own standing with Stripe; kept in one place for all processes. */
import { type Knex } from 'knex';

export interface PlatformSign {
  ok: boolean;
  seenAt: Date;
  /** a code or a kind of problem, never an answer's text */
  detail: string | null;
}

type SignName = 'stripe_api' | 'connect_oauth' | 'oauth_registration' | 'app_oauth';

/** True for one caller in a minute: that one asks Stripe. */
export async function claimAsking(db: Knex, name: SignName): Promise<boolean> {
  const { rows } = await db.raw<{ rows: unknown[] }>(
    `INSERT INTO platform_signs (name) VALUES (?)
     ON CONFLICT (name) DO UPDATE SET asked_at = now()
       WHERE platform_signs.asked_at <= now() - interval '1 minute'
     RETURNING name`,
    [name],
  );
  return rows.length > 0;
}

export async function writeSign(
  db: Knex,
  name: SignName,
  sign: { ok: boolean; detail: string | null },
): Promise<void> {
  await db('platform_signs')
    .insert({ name, seen_at: db.fn.now(), ok: sign.ok, detail: sign.detail })
    .onConflict('name')
    .merge(['seen_at', 'ok', 'detail']);
}

export async function readSign(db: Knex, name: SignName): Promise<PlatformSign | null> {
  const row = await db('platform_signs').where({ name }).whereNotNull('seen_at').first();
  return row ? { ok: row.ok, seenAt: row.seen_at, detail: row.detail } : null;
}
