/**
 * Suspending, and ending that. Invariant: once this has committed, no ticket of a suspended event or organizer is held
 * any more, since holds are decided under the lock that is taken here; and a disabled person has no session left.
 * Orders, tickets and payments under way stay as they are.
 */
import { type Knex } from 'knex';
import { inTransaction } from '../db/connection';
import { type Dependencies } from '../dependencies';
import { Conflict, NotFound } from '../errors';
import { newId } from '../lib/ids';
import { type NewMail, queueMail } from '../mail/outbox';
import { endGrants } from '../oauth-provider/end-grants';
import { writeAudit } from './audit-log';

export type SuspendedKind = 'user' | 'organizer' | 'event';

export interface Suspension {
  kind: SuspendedKind;
  id: string;
  /** false ends it */
  suspend: boolean;
  adminId: string;
  reason: string;
}

interface Suspended {
  organizerId: string | null;
  mail: Pick<NewMail, 'recipient'> & { name: string };
}

type Dependents = Pick<Dependencies, 'db' | 'config'>;

/** Answers false when it was so already, and then changes nothing and tells nobody. */
export async function setSuspension(dependencies: Dependents, suspension: Suspension): Promise<boolean> {
  const { kind, id, suspend, adminId, reason } = suspension;
  return inTransaction(dependencies.db, async (trx) => {
    const suspended = await SET[kind](trx, suspension);
    if (!suspended) return false;
    await writeAudit(trx, {
      actor: 'admin',
      actorUserId: adminId,
      action: ACTIONS[kind][suspend ? 0 : 1],
      organizerId: suspended.organizerId,
      subjectType: kind,
      subjectId: id,
      reason,
    });
    await queueMail(trx, mailOf(suspension, suspended, dependencies.config.mailFrom));
    return true;
  });
}

const SET: Record<
  SuspendedKind,
  (trx: Knex.Transaction, suspension: Suspension) => Promise<Suspended | null>
> = { user: setUser, organizer: setOrganizer, event: setEvent };

const ACTIONS: Record<SuspendedKind, [string, string]> = {
  user: ['user.disabled', 'user.enabled'],
  organizer: ['organizer.suspended', 'organizer.reinstated'],
  event: ['event.suspended', 'event.reinstated'],
};

async function setUser(
  trx: Knex.Transaction,
  { id, suspend, adminId }: Suspension,
): Promise<Suspended | null> {
  if (id === adminId) throw new Conflict('You can not disable your own account. Ask another admin.');
  const user = await trx('users').where({ id }).forUpdate().first('email', 'name', 'disabled_at');
  if (!user) throw new NotFound('person');
  if ((user.disabled_at !== null) === suspend) return null;
  await trx('users')
    .where({ id })
    .update({ disabled_at: suspend ? trx.fn.now() : null });
  // Also when it ends: a session that began in the moment of disabling must not come to life.
  await trx('sessions').where({ user_id: id }).delete();
  await endGrants(trx, { user_id: id }, 'disabled');
  return { organizerId: null, mail: { recipient: user.email, name: user.name } };
}

async function setOrganizer(trx: Knex.Transaction, { id, suspend }: Suspension): Promise<Suspended | null> {
  const organizer = await trx('organizers').where({ id }).forNoKeyUpdate().first();
  if (!organizer) throw new NotFound('organizer');
  if ((organizer.suspended_at !== null) === suspend) return null;
  await trx('organizers')
    .where({ id })
    .update({ suspended_at: suspend ? trx.fn.now() : null });
  // In one order, as everybody takes them who takes several.
  await trx('events').where({ organizer_id: id }).orderBy('id').forNoKeyUpdate().select('id');
  await trx('events').where({ organizer_id: id }).update({ organizer_suspended: suspend });
  return { organizerId: id, mail: { recipient: organizer.contact_email, name: organizer.name } };
}

async function setEvent(trx: Knex.Transaction, { id, suspend }: Suspension): Promise<Suspended | null> {
  const event = await trx('events').where({ id }).forNoKeyUpdate().first();
  if (!event) throw new NotFound('event');
  if ((event.suspended_at !== null) === suspend) return null;
  await trx('events')
    .where({ id })
    .update({ suspended_at: suspend ? trx.fn.now() : null });
  const organizer = await trx('organizers').where({ id: event.organizer_id }).first('contact_email');
  return {
    organizerId: event.organizer_id,
    mail: { recipient: organizer.contact_email, name: event.title },
  };
}

function mailOf({ kind, id, suspend, reason }: Suspension, { mail }: Suspended, mailFrom: string): NewMail {
  const words = WORDS[kind][suspend ? 0 : 1];
  return {
    dedupeKey: `${ACTIONS[kind][suspend ? 0 : 1]}:${id}:${newId()}`,
    template: `${kind}-${suspend ? 'suspended' : 'reinstated'}`,
    recipient: mail.recipient,
    content: {
      subject: words.subject(mail.name),
      heading: words.subject(mail.name),
      paragraphs: [...words.paragraphs, 'The reason that was given:', reason],
      footer: `An admin of Foyer did this. To ask about it, write to ${addressIn(mailFrom)}.`,
    },
  };
}

const WORDS: Record<SuspendedKind, [MailWords, MailWords]> = {
  user: [
    {
      subject: () => 'Your Foyer account is disabled',
      paragraphs: [
        'You are signed out everywhere, and you can not sign in. Your organizers, their events and all orders stay as they are.',
      ],
    },
    {
      subject: () => 'Your Foyer account works again',
      paragraphs: ['You can sign in again with your email address and your password.'],
    },
  ],
  organizer: [
    {
      subject: (name) => `${name} is suspended on Foyer`,
      paragraphs: [
        'Its page and the pages of its events are gone, and no more tickets are sold. Orders and tickets that were bought stay valid, and their pages stay.',
      ],
    },
    {
      subject: (name) => `${name} is back on Foyer`,
      paragraphs: ['Its page and the pages of its events are there again, and tickets can be sold.'],
    },
  ],
  event: [
    {
      subject: (name) => `${name} is suspended on Foyer`,
      paragraphs: [
        'The page of this event is gone, and no more tickets are sold. Orders and tickets that were bought stay valid, and their pages stay.',
      ],
    },
    {
      subject: (name) => `${name} is back on Foyer`,
      paragraphs: ['The page of this event is there again, and tickets can be sold.'],
    },
  ],
};

interface MailWords {
  subject: (name: string) => string;
  paragraphs: string[];
}

/** The address in `Foyer <tickets@foyer.example>`. */
function addressIn(mailFrom: string): string {
  return /<([^>]+)>/.exec(mailFrom)?.[1] ?? mailFrom;
}
