/** What an order is asked, before it is bought and afterwards. */
import { type Knex } from 'knex';
import { isFulfilled, type Order, type OrderLine } from '../orders/order';
import { createOrdersStore } from '../orders/orders-store';
import { askedOf, type AskedGroup, type TicketPlace } from './question';
import { createQuestionsStore } from './questions-store';

/** The tickets that an order's lines will be given out as. `fulfilOrder` numbers them by this. */
export function placesOf(lines: OrderLine[]): TicketPlace[] {
  let seq = 0;
  return lines.flatMap(({ ticketTypeId, ticketTypeName, quantity }) =>
    Array.from({ length: quantity }, () => ({ seq: (seq += 1), ticketTypeId, ticketTypeName })),
  );
}

/** What is asked with the details. */
export async function askedOfHold(db: Knex, order: Pick<Order, 'id' | 'eventId'>): Promise<AskedGroup[]> {
  const questions = await createQuestionsStore(db).listOfEvent(order.eventId);
  return questions.length === 0
    ? []
    : askedOf(questions, placesOf(await createOrdersStore(db).listLines(order.id)));
}

/** What the buyer may still answer otherwise: of the tickets that are valid, until the event begins. */
export async function askedOfBuyer(
  db: Knex,
  order: Pick<Order, 'id' | 'eventId' | 'status'>,
): Promise<AskedGroup[]> {
  if (!isFulfilled(order.status)) return [];
  const questions = (await createQuestionsStore(db).listOfEvent(order.eventId)).filter(
    ({ correctable }) => correctable,
  );
  if (questions.length === 0) return [];
  const event = await db('events')
    .where({ id: order.eventId, status: 'published' })
    .where('starts_at', '>', db.fn.now())
    .first('id');
  if (!event) return [];
  const valid: { seq: number }[] = await db('tickets')
    .where({ order_id: order.id, status: 'valid' })
    .select('seq');
  const places = placesOf(await createOrdersStore(db).listLines(order.id)).filter(({ seq }) =>
    valid.some((ticket) => ticket.seq === seq),
  );
  return askedOf(questions, places);
}
