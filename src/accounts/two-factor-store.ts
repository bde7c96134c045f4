import { type Knex } from 'knex';

/** SQL of second factors and their recovery codes. Give it a transaction to work inside one. */
export function createTwoFactorStore(db: Knex) {
  return {
    async isOn(userId: string): Promise<boolean> {
      const row = await db('two_factor')
        .where({ user_id: userId })
        .whereNotNull('confirmed_at')
        .first('user_id');
      return row !== undefined;
    },

    async find(userId: string): Promise<{ secretEncrypted: string; on: boolean } | null> {
      const row = await db('two_factor').where({ user_id: userId }).first('secret_encrypted', 'confirmed_at');
      return row ? { secretEncrypted: row.secret_encrypted, on: row.confirmed_at !== null } : null;
    },

    /** Begins to set it up, anew if it was begun before. One that is on stays as it is. */
    async begin(userId: string, secretEncrypted: string): Promise<void> {
      await db('two_factor')
        .insert({ user_id: userId, secret_encrypted: secretEncrypted })
        .onConflict('user_id')
        .merge({ secret_encrypted: secretEncrypted, created_at: db.fn.now() })
        .where({ 'two_factor.confirmed_at': null });
    },

    /** Takes the code of this time step, and no code of this step or an earlier one ever again. */
    async takeStep(userId: string, step: number): Promise<boolean> {
      const taken = await db('two_factor')
        .where({ user_id: userId })
        .where((older) => older.whereNull('last_step').orWhere('last_step', '<', step))
        .update({ last_step: step });
      return taken === 1;
    },

    /** Answers false when it was on already. */
    async turnOn(userId: string): Promise<boolean> {
      const turned = await db('two_factor')
        .where({ user_id: userId, confirmed_at: null })
        .update({ confirmed_at: db.fn.now() });
      return turned === 1;
    },

    /** Answers whether it was on; one that was only begun goes too. */
    async turnOff(userId: string): Promise<boolean> {
      const [row] = await db('two_factor').where({ user_id: userId }).delete().returning('confirmed_at');
      return Boolean(row?.confirmed_at);
    },

    async replaceRecoveryCodes(userId: string, hashes: string[]): Promise<void> {
      await db('recovery_codes').where({ user_id: userId }).delete();
      await db('recovery_codes').insert(hashes.map((code_hash) => ({ user_id: userId, code_hash })));
    },

    /** Each is good once. */
    async takeRecoveryCode(userId: string, hash: string): Promise<boolean> {
      const taken = await db('recovery_codes')
        .where({ user_id: userId, code_hash: hash, used_at: null })
        .update({ used_at: db.fn.now() });
      return taken === 1;
    },

    async countRecoveryCodes(userId: string): Promise<number> {
      const row = await db('recovery_codes')
        .where({ user_id: userId, used_at: null })
        .count('* as n')
        .first();
      return Number(row?.n ?? 0);
    },
  };
}
