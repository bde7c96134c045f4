import { type Knex } from 'knex';
import { newId } from '../lib/ids';

/** A person with what signing in needs to know of them. */
export interface User {
  id: string;
  email: string;
  name: string;
  passwordHash: string;
  isAdmin: boolean;
  disabled: boolean;
  emailVerified: boolean;
}

interface UserRow {
  id: string;
  email: string;
  name: string;
  password_hash: string;
  is_admin: boolean;
  disabled_at: Date | null;
  email_verified_at: Date | null;
}

/** SQL of people. Give it a transaction to work inside one. */
export function createUsersStore(db: Knex) {
  const users = () => db<UserRow>('users');

  return {
    /** `email` as `emailField` gives it: trimmed and lower-cased. */
    async findByEmail(email: string): Promise<User | null> {
      const row = await users().where({ email }).first();
      return row ? toUser(row) : null;
    },

    async find(id: string): Promise<User | null> {
      const row = await users().where({ id }).first();
      return row ? toUser(row) : null;
    },

    /** Answers null when the address is taken, also by somebody who was quicker. */
    async create(person: { email: string; name: string; passwordHash: string }): Promise<User | null> {
      const [row] = await users()
        .insert({
          id: newId(),
          email: person.email,
          name: person.name,
          password_hash: person.passwordHash,
        })
        .onConflict('email')
        .ignore()
        .returning('*');
      return row ? toUser(row) : null;
    },

    /** The row, locked until the transaction ends, so that two changes of one account come one after the other. */
    async lock(id: string): Promise<User | null> {
      const row = await users().where({ id }).forUpdate().first();
      return row ? toUser(row) : null;
    },

    async rename(id: string, name: string): Promise<void> {
      await users().where({ id }).update({ name });
    },

    async changePassword(id: string, passwordHash: string): Promise<void> {
      await users().where({ id }).update({ password_hash: passwordHash });
    },

    /** The address is shown to be the person's own. */
    async markEmailVerified(id: string): Promise<void> {
      await users().where({ id, email_verified_at: null }).update({ email_verified_at: db.fn.now() });
    },

    /** Answers false when another account has the address. */
    async changeEmail(id: string, email: string): Promise<boolean> {
      const taken = await users().where({ email }).whereNot({ id }).first('id');
      if (taken) return false;
      await users().where({ id }).update({ email, email_verified_at: db.fn.now() });
      return true;
    },

    async delete(id: string): Promise<void> {
      await users().where({ id }).delete();
    },

    async markAdmin(id: string, isAdmin: boolean): Promise<void> {
      await users().where({ id }).update({ is_admin: isAdmin });
    },
  };
}

export type UsersStore = ReturnType<typeof createUsersStore>;

function toUser(row: UserRow): User {
  return {
    id: row.id,
    email: row.email,
    name: row.name,
    passwordHash: row.password_hash,
    isAdmin: row.is_admin,
    disabled: row.disabled_at !== null,
    emailVerified: row.email_verified_at !== null,
  };
}
