/** Organizers, connected accounts and events on sale, written as they would stand there. */
import { randomBytes } from 'node:crypto';
import { type Knex } from 'knex';
import { newId } from '../../../src/lib/ids';

type Control = (method: 'POST', path: string, body?: unknown) => Promise<unknown>;

export interface Seller {
  organizerId: string;
  connectionId: string;
  account: string;
}

export interface Sale extends Seller {
  id: string;
  slug: string;
  typeIds: string[];
}

export interface SaleOptions {
  /** places of each ticket type */
  places?: number[];
  /** places of the event over all of its types */
  capacity?: number | null;
  price?: number;
  seller?: Seller;
}

export function createSales({ db, control }: { db: Knex; control: Control }) {
  /** An organizer whose account exists at Stripe and is connected. */
  async function addSeller(): Promise<Seller> {
    const [organizerId, connectionId] = [newId(), newId()];
    const mark = randomBytes(4).toString('hex');
    const account = (await control('POST', '/accounts', {
      email: `money-${mark}@example.com`,
      business_name: `House ${mark}`,
      country: 'DE',
      charges_enabled: true,
    })) as { id: string };
    await control('POST', `/accounts/${account.id}/connect`);
    await db('organizers').insert({
      id: organizerId,
      slug: `house-${mark}`,
      name: `House ${mark}`,
      contact_email: `house-${mark}@example.com`,
    });
    await db('stripe_connections').insert({
      id: connectionId,
      organizer_id: organizerId,
      stripe_user_id: account.id,
      livemode: false,
      scope: 'read_write',
      charges_enabled: true,
      payouts_enabled: true,
      checked_at: db.fn.now(),
      // the simulator's times have whole seconds
      connected_at: db.raw("now() - interval '1 minute'"),
    });
    await db('organizers').where({ id: organizerId }).update({ default_connection_id: connectionId });
    return { organizerId, connectionId, account: account.id };
  }

  return {
    addSeller,
    /** A published event; paid tickets, unless the price is 0. */
    async open(options: SaleOptions = {}): Promise<Sale> {
      const seller = options.seller ?? (await addSeller());
      const id = newId();
      const places = options.places ?? [1000];
      const price = options.price ?? 2000;
      const typeIds = places.map(() => newId());
      await db('events').insert({
        id,
        organizer_id: seller.organizerId,
        slug: `event-${id}`,
        title: 'An Evening with the Engine',
        starts_at: db.raw("now() + interval '300 days'"),
        ends_at: db.raw("now() + interval '301 days'"),
        time_zone: 'Europe/Berlin',
        location_kind: 'venue',
        venue_name: 'Old Library',
        currency: 'eur',
        capacity: options.capacity ?? null,
        livemode: false,
        status: 'published',
        published_at: db.fn.now(),
      });
      await db('ticket_types').insert(
        typeIds.map((typeId, position) => ({
          id: typeId,
          event_id: id,
          position,
          name: `Row ${position + 1}`,
          kind: price > 0 ? 'paid' : 'free',
          price,
          capacity: places[position],
        })),
      );
      return { ...seller, id, slug: `event-${id}`, typeIds };
    },
  };
}
