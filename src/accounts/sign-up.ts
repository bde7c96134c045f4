import { type Knex } from 'knex';
import { inTransaction } from '../db/connection';
import { paths } from '../paths';
import { queueMail } from '../mail/outbox';
import { type AccountLimits } from './account-limits';
import { type Passwords } from './passwords';
import { mailVerification } from './email-verification';
import { createUsersStore, type User, type UsersStore } from './users-store';

/**
 * Invariant: an address has one account, and only its password opens it. Who signs up again with the right password is
 * simply signed in; a wrong one gets nothing (null), and the owner is told by mail. A new account may draft, and
 * publishes after its address is confirmed by the mailed link.
 */
export async function signUp(
  {
    db,
    users,
    passwords,
    limits,
    baseUrl,
  }: { db: Knex; users: UsersStore; passwords: Passwords; limits: AccountLimits; baseUrl: string },
  person: { name: string; email: string; password: string; address: string | undefined },
): Promise<User | null> {
  await limits.countSignUp(person.address);
  const before = await users.findByEmail(person.email);
  if (!before) {
    const passwordHash = await passwords.hash(person.password);
    const made = await inTransaction(db, async (trx) => {
      const user = await createUsersStore(trx).create({
        email: person.email,
        name: person.name,
        passwordHash,
      });
      if (user) await mailVerification(trx, user, baseUrl);
      return user;
    });
    if (made) return made;
  }

  // taken: before, or by somebody who was quicker
  await limits.countTryOnAccount(person.email);
  const owner = before ?? (await users.findByEmail(person.email));
  const right = await passwords.matches(owner?.passwordHash ?? null, person.password);
  if (!owner || owner.disabled) return null;
  if (right) {
    await limits.forgetSignIns(person.email);
    return owner;
  }
  await tellOwner(db, owner, baseUrl);
  return null;
}

/** At most once a day, and with no word of what the stranger typed. */
async function tellOwner(db: Knex, owner: User, baseUrl: string): Promise<void> {
  const day = new Date().toISOString().slice(0, 10);
  await inTransaction(db, (trx) =>
    queueMail(trx, {
      dedupeKey: `sign-up-with-taken-address:${owner.id}:${day}`,
      template: 'sign-up-with-taken-address',
      recipient: owner.email,
      content: {
        subject: 'You already have a Foyer account',
        heading: 'You already have an account',
        paragraphs: [
          'Somebody tried to create a Foyer account with your email address. If it was you, sign in with the password that you chose then.',
          'If it was not you, there is nothing to do. Your account and your password are unchanged.',
        ],
        action: { label: 'Sign in', url: baseUrl + paths.signIn() },
        footer:
          'You get this mail because this address belongs to a Foyer account. We send it at most once a day.',
      },
    }),
  );
}
