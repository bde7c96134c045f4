/**
 * Accounts that allowed Foyer at Stripe and that nobody here knows: the answer to an exchange was lost, or somebody
 * allowed it outside of Foyer. Read from what Stripe sent, so it heals by itself when the account is connected.
 */
import { type Knex } from 'knex';

export interface UnknownGrant {
  account: string;
  livemode: boolean;
  at: Date;
}

/** `apps`: client ids of the Stripe App, whose installs are none of these. */
export async function listUnknownGrants(db: Knex, apps: string[] = []): Promise<UnknownGrant[]> {
  const { rows } = await db.raw<{ rows: { account: string; livemode: boolean; at: Date }[] }>(
    `SELECT granted.account, granted.livemode, max(granted.created_at) AS at
       FROM stripe_events granted
      WHERE granted.type = 'account.application.authorized' AND granted.received_at < now() - interval '1 minute'
        AND coalesce(granted.payload #>> '{data,object,id}', '') <> ALL (CAST(:apps AS text[]))
        AND NOT EXISTS (
          SELECT 1 FROM stripe_connections known
           WHERE known.stripe_user_id = granted.account AND known.livemode = granted.livemode
             AND (known.status <> 'disconnected' OR known.ended_at > granted.created_at))
        AND NOT EXISTS (
          SELECT 1 FROM stripe_events ended
           WHERE ended.account = granted.account AND ended.livemode = granted.livemode
             AND ended.type = 'account.application.deauthorized'
             AND coalesce(ended.payload #>> '{data,object,id}', '') <> ALL (CAST(:apps AS text[])) AND ended.created_at >= granted.created_at)
      GROUP BY granted.account, granted.livemode
      ORDER BY at DESC LIMIT 20`,
    { apps },
  );
  return rows;
}
