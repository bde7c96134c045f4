import { type Knex } from 'knex';
import { writeAudit } from '../admin/audit-log';
import { inTransaction } from '../db/connection';
import { NotFound } from '../errors';
import { isUuid, newId } from '../lib/ids';
import { slugFrom, slugWithTail } from '../lib/slugs';
import { type TermsTexts } from './organizer-terms';
import { createTermsStore } from './terms-store';

type Role = 'owner' | 'member';

export interface Organizer {
  id: string;
  name: string;
  slug: string;
  contactEmail: string;
  website: string | null;
}

/** An organizer as one of its members sees it. */
export interface Membership extends Organizer {
  role: Role;
}

export interface OrganizerDetails {
  name: string;
  contactEmail: string;
  website: string | null;
}

interface OrganizerRow {
  id: string;
  name: string;
  slug: string;
  contact_email: string;
  website: string | null;
}

const COLUMNS = [
  'organizers.id',
  'organizers.name',
  'organizers.slug',
  'organizers.contact_email',
  'organizers.website',
];

/** SQL of organizers and their members. Give it a transaction to work inside one. */
export function createOrganizersStore(db: Knex) {
  const ofUser = (userId: string) =>
    db('memberships')
      .join('organizers', 'organizers.id', 'memberships.organizer_id')
      .where({ 'memberships.user_id': userId })
      .select(...COLUMNS, 'memberships.role');

  return {
    /** The organizers of a person, the one joined first at the top. */
    async listOfUser(userId: string): Promise<Membership[]> {
      const rows: (OrganizerRow & { role: Role })[] = await ofUser(userId).orderBy([
        'memberships.created_at',
        'organizers.id',
      ]);
      return rows.map(toMembership);
    },

    /** The organizer if this person is a member; anybody else's is not found. */
    async getOfUser(organizerId: unknown, userId: string): Promise<Membership> {
      const row: (OrganizerRow & { role: Role }) | undefined = isUuid(organizerId)
        ? await ofUser(userId).where({ 'organizers.id': organizerId }).first()
        : undefined;
      if (!row) throw new NotFound('organizer');
      return toMembership(row);
    },

    async isMember(userId: string, organizerId: string): Promise<boolean> {
      if (!isUuid(userId) || !isUuid(organizerId)) return false;
      const row = await db('memberships').where({ user_id: userId, organizer_id: organizerId }).first('role');
      return row !== undefined;
    },

    async find(id: string): Promise<Organizer | null> {
      if (!isUuid(id)) return null;
      const row: OrganizerRow | undefined = await db('organizers')
        .where({ id })
        .first(...COLUMNS);
      return row ? toOrganizer(row) : null;
    },

    /** Makes an organizer together with its first owner: there is none without. */
    async create(details: OrganizerDetails, ownerId: string): Promise<Organizer> {
      return inTransaction(db, async (trx) => {
        const organizer = await insertWithFreeSlug(trx, details);
        await trx('memberships').insert({ user_id: ownerId, organizer_id: organizer.id, role: 'owner' });
        await writeAudit(trx, {
          actor: 'organizer',
          actorUserId: ownerId,
          action: 'organizer.created',
          organizerId: organizer.id,
          subjectType: 'organizer',
          subjectId: organizer.id,
        });
        return organizer;
      });
    },

    /** The slug stays as it is: it is printed and linked to. */
    async update(
      id: string,
      details: OrganizerDetails & { texts: TermsTexts },
      byUserId: string,
    ): Promise<void> {
      await inTransaction(db, async (trx) => {
        await trx('organizers')
          .where({ id })
          .update({ name: details.name, contact_email: details.contactEmail, website: details.website });
        await createTermsStore(trx).makeCurrent(id, details.texts, byUserId);
        await writeAudit(trx, {
          actor: 'organizer',
          actorUserId: byUserId,
          action: 'organizer.changed',
          organizerId: id,
          subjectType: 'organizer',
          subjectId: id,
        });
      });
    },
  };
}

const SLUG_TRIES = 5;

async function insertWithFreeSlug(trx: Knex, details: OrganizerDetails): Promise<Organizer> {
  const wording = /[a-z0-9]/i.test(details.name.normalize('NFKD')) ? details.name : 'organizer';
  for (let attempt = 0; attempt < SLUG_TRIES; attempt += 1) {
    const rows: OrganizerRow[] = await trx('organizers')
      .insert({
        id: newId(),
        slug: attempt === 0 ? slugFrom(wording) : slugWithTail(wording),
        name: details.name,
        contact_email: details.contactEmail,
        website: details.website,
      })
      .onConflict('slug')
      .ignore()
      .returning(['id', 'name', 'slug', 'contact_email', 'website']);
    if (rows[0]) return toOrganizer(rows[0]);
  }
  throw new Error('no free slug for an organizer');
}

function toOrganizer(row: OrganizerRow): Organizer {
  return {
    id: row.id,
    name: row.name,
    slug: row.slug,
    contactEmail: row.contact_email,
    website: row.website,
  };
}

function toMembership(row: OrganizerRow & { role: Role }): Membership {
  return { ...toOrganizer(row), role: row.role };
}
