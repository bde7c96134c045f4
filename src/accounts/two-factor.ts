/**
 * A second factor: codes of an app (RFC 6238), and recovery codes for the day the phone is gone. Invariant: every code
 * counts once, and the secret is kept encrypted.
 */
import { type Knex } from 'knex';
import { writeAudit } from '../admin/audit-log';
import { inTransaction } from '../db/connection';
import { type Encryption } from '../lib/encryption';
import { queueMail } from '../mail/outbox';
import { recoveryCodeUsedMail, twoFactorMail } from './account-mails';
import { hashRecoveryCode, newRecoveryCodes, newTotpSecret, stepOfCode } from './one-time-codes';
import { endSessions } from './sessions-list';
import { createTwoFactorStore } from './two-factor-store';
import { createUsersStore, type User } from './users-store';

interface Means {
  db: Knex;
  encryption: Encryption;
}

/** The secret that is being set up; made by `beginSetup`. Null when there is none, or the factor is on. */
export async function readSetup({ db, encryption }: Means, userId: string): Promise<string | null> {
  const known = await createTwoFactorStore(db).find(userId);
  return known && !known.on ? encryption.decrypt(known.secretEncrypted, contextOf(userId)) : null;
}

export async function beginSetup({ db, encryption }: Means, userId: string): Promise<void> {
  await createTwoFactorStore(db).begin(userId, encryption.encrypt(newTotpSecret(), contextOf(userId)));
}

/** Turns it on with a first code, ends the other sessions (they have given none), and answers the recovery codes. */
export async function turnOn(
  { db, encryption }: Means,
  user: User,
  { code, sessionId }: { code: string; sessionId: string },
): Promise<string[] | null> {
  return inTransaction(db, async (trx) => {
    await createUsersStore(trx).lock(user.id);
    const store = createTwoFactorStore(trx);
    const secret = await readSetup({ db: trx, encryption }, user.id);
    const step = secret === null ? null : stepOfCode(secret, plainCode(code), Date.now());
    if (step === null || !(await store.takeStep(user.id, step)) || !(await store.turnOn(user.id)))
      return null;
    const codes = await giveRecoveryCodes(trx, user.id);
    await endSessions(trx, user.id, { except: sessionId });
    await note(trx, user, 'on');
    return codes;
  });
}

export async function turnOff(db: Knex, user: User): Promise<void> {
  await inTransaction(db, async (trx) => {
    if (await createTwoFactorStore(trx).turnOff(user.id)) await note(trx, user, 'off');
  });
}

/** New recovery codes; the old ones are good for nothing from now on. */
export async function renewRecoveryCodes(db: Knex, user: User): Promise<string[] | null> {
  return inTransaction(db, async (trx) => {
    await createUsersStore(trx).lock(user.id);
    if (!(await createTwoFactorStore(trx).isOn(user.id))) return null;
    const codes = await giveRecoveryCodes(trx, user.id);
    await writeAudit(trx, { ...deedOf(user), action: 'user.recovery_codes_renewed' });
    return codes;
  });
}

/** Is this a code of the app that was not used yet, or an unused recovery code? It is used up by asking. */
export async function takeCode({ db, encryption }: Means, user: User, code: string): Promise<boolean> {
  const store = createTwoFactorStore(db);
  const known = await store.find(user.id);
  if (!known?.on) return false;
  const typed = plainCode(code);
  const step = stepOfCode(encryption.decrypt(known.secretEncrypted, contextOf(user.id)), typed, Date.now());
  if (step !== null) return store.takeStep(user.id, step);
  return inTransaction(db, async (trx) => {
    const codes = createTwoFactorStore(trx);
    if (!(await codes.takeRecoveryCode(user.id, hashRecoveryCode(user.id, typed)))) return false;
    await queueMail(trx, recoveryCodeUsedMail(user, await codes.countRecoveryCodes(user.id)));
    await writeAudit(trx, { ...deedOf(user), action: 'user.recovery_code_used' });
    return true;
  });
}

async function giveRecoveryCodes(trx: Knex, userId: string): Promise<string[]> {
  const codes = newRecoveryCodes();
  await createTwoFactorStore(trx).replaceRecoveryCodes(
    userId,
    codes.map((code) => hashRecoveryCode(userId, code)),
  );
  return codes;
}

async function note(trx: Knex, user: User, state: 'on' | 'off'): Promise<void> {
  await queueMail(trx, twoFactorMail(user, state));
  await writeAudit(trx, { ...deedOf(user), action: `user.two_factor_${state}` });
}

function deedOf(user: User) {
  return {
    actor: 'organizer' as const,
    actorUserId: user.id,
    subjectType: 'user' as const,
    subjectId: user.id,
  };
}

/** People type codes with the blanks that their app shows. */
function plainCode(code: string): string {
  return code.replace(/[\s-]/g, '');
}

function contextOf(userId: string): string {
  return `two-factor:${userId}`;
}
