/**
 * Puts what is kept encrypted under the first key of ENCRYPTION_KEYS, so that an old key can be taken out. Works in small
 * batches while Foyer runs, looks only at what is left, and so goes on where it was stopped.
 */
import { type Knex } from 'knex';
import { type Encryption } from '../lib/encryption';

const accessTokenContext = (id: string) => `stripe_app_installations:access:${id}`;
const refreshTokenContext = (id: string) => `stripe_app_installations:refresh:${id}`;

/** Every column that holds a text of `lib/encryption`, and what it is bound to. */
export const ENCRYPTED_COLUMNS = [
  {
    table: 'stripe_connections',
    key: 'id',
    column: 'encrypted_refresh_token',
    context: (id: string) => `stripe_connections:${id}`,
  },
  {
    table: 'stripe_app_installations',
    key: 'id',
    column: 'encrypted_access_token',
    context: accessTokenContext,
  },
  {
    table: 'stripe_app_installations',
    key: 'id',
    column: 'encrypted_refresh_token',
    context: refreshTokenContext,
  },
  {
    table: 'two_factor',
    key: 'user_id',
    column: 'secret_encrypted',
    context: (id: string) => `two-factor:${id}`,
  },
] as const;

export interface Reencrypted {
  table: string;
  changed: number;
  /** rows whose key is not in the list: left as they are */
  unreadable: string[];
}

export async function reencrypt(
  db: Knex,
  encryption: Encryption,
  options: { batchSize?: number } = {},
): Promise<Reencrypted[]> {
  const results: Reencrypted[] = [];
  for (const kept of ENCRYPTED_COLUMNS) results.push(await reencryptColumn(db, encryption, kept, options));
  return results;
}

async function reencryptColumn(
  db: Knex,
  encryption: Encryption,
  { table, key, column, context }: (typeof ENCRYPTED_COLUMNS)[number],
  { batchSize = 100 }: { batchSize?: number },
): Promise<Reencrypted> {
  const result: Reencrypted = { table, changed: 0, unreadable: [] };
  let after = '00000000-0000-0000-0000-000000000000';
  for (;;) {
    const rows: { id: string; text: string }[] = await db(table)
      .whereNotNull(column)
      .whereRaw('NOT starts_with(??, ?)', [column, encryption.firstKeyPrefix])
      .where(key, '>', after)
      .orderBy(key)
      .limit(batchSize)
      .select({ id: key, text: column });
    for (const { id, text } of rows) {
      const fresh = underFirstKey(encryption, text, context(id));
      if (fresh === null) result.unreadable.push(id);
      // One that was changed meanwhile was written under the first key already.
      else
        result.changed += await db(table)
          .where({ [key]: id, [column]: text })
          .update({ [column]: fresh });
    }
    if (rows.length < batchSize) return result;
    after = rows.at(-1)!.id;
  }
}

function underFirstKey(encryption: Encryption, text: string, context: string): string | null {
  try {
    return encryption.encrypt(encryption.decrypt(text, context), context);
  } catch {
    return null;
  }
}
