/** Orders as the organizer sees them: the list of an event's, and one with its timeline and money. */
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type Request, type Response, Router } from 'express';
import { type Dependencies } from '../dependencies';
import { markedTitle, offersTestMode } from '../events/event-mode';
import { codeOf, createDiscountCodesStore } from '../discounts/discount-codes-store';
import { renderPage } from '../http/views';
import { loadOrganizer, organizerOf } from '../organizers/current-organizer';
import { eventOfMember, thingOfMember } from '../organizers/event-of-member';
import { termsSections } from '../organizers/organizer-terms';
import { createTermsStore } from '../organizers/terms-store';
import { paths } from '../paths';
import { createAnswersStore } from '../questions/answers-store';
import { answersInGroups } from '../questions/question';
import { placesOf } from '../questions/questions-of-order';
import { readDeskRefunds } from '../payments/desk-refunds';
import { readDisputeView } from '../payments/dispute-view';
import { isFreeAndStands } from './cancel-free-order';
import { findReasonOfGift } from './complimentary-orders-store';
import { ordersAsCsv } from './order-csv';
import { listOrders } from './order-list';
import { orderListWords } from './order-list-words';
import { ORDER_SORTS, type OrderSearch, type OrderSort, readOrderSearch, searchParams } from './order-search';
import { sumLines } from './order-sum';
import { ORDER_STATUS_BADGES } from './order-words';
import { createOrdersStore } from './orders-store';

export function orderDeskRouter({
  config,
  db,
  logger,
}: Pick<Dependencies, 'config' | 'db' | 'logger'>): Router {
  const router = Router();
  const orders = createOrdersStore(db);

  router.get('/organizer/events/:id/orders', loadOrganizer(db), async (req: Request, res: Response) => {
    const event = await eventOfMember(db, req);
    event.title = markedTitle(config, event);
    const organizer = organizerOf(req);
    const search = readOrderSearch(req.query);
    const list = await listOrders(db, event.id, search);
    const found = { ...search, after: null };
    const hrefFor = (other: Partial<typeof search>) =>
      withQuery(paths.eventOrderList(event.id), searchParams({ ...found, ...other }));
    renderPage(
      req,
      res,
      'orders/desk-list',
      { title: `Orders: ${event.title}`, layout: 'desk', page: { organizer } },
      {
        event,
        search,
        list,
        ...orderListWords(search, {
          types: await db('ticket_types').where({ event_id: event.id }).orderBy('id').select('id', 'name'),
          codes: await createDiscountCodesStore(db).listOfEvent(event.id),
          modes: offersTestMode(config),
        }),
        columns: sortableColumns(search, hrefFor),
        badges: ORDER_STATUS_BADGES,
        narrowed: [...searchParams({ ...found, sort: 'newest' })].length > 0,
        nextHref: list.next ? hrefFor({ after: list.next }) : null,
        firstHref: search.after ? hrefFor({}) : null,
        csvHref: withQuery(paths.eventOrdersCsv(event.id), searchParams(found)),
      },
    );
  });

  router.get('/organizer/events/:id/orders.csv', loadOrganizer(db), async (req: Request, res: Response) => {
    const event = await eventOfMember(db, req);
    res.type('text/csv').set('Content-Disposition', `attachment; filename="orders-${event.slug}.csv"`);
    // read when the client takes it; a client that goes away ends the reading
    await pipeline(Readable.from(ordersAsCsv(db, event.id, readOrderSearch(req.query))), res).catch(
      (error: unknown) => {
        if (!res.headersSent) throw error;
        // cut off, so that nobody takes half a file for a whole one
        res.destroy();
        logger.warn({ requestId: req.id, err: error }, 'a list of orders was not sent to its end');
      },
    );
  });

  router.get('/organizer/orders/:id', loadOrganizer(db), async (req: Request, res: Response) => {
    const { id } = await thingOfMember(db, req, 'orders', 'order');
    const organizer = organizerOf(req);
    const order = await orders.get(id);
    const event = await db('events').where({ id: order.eventId }).first();
    event.title = markedTitle(config, event);
    const lines = await orders.listLines(id);
    renderPage(
      req,
      res,
      'orders/desk-order',
      { title: `Order ${order.reference}`, layout: 'desk', page: { organizer } },
      {
        order,
        event,
        sumLines: sumLines(order, lines, await codeOf(db, order)),
        answers: answersInGroups(await createAnswersStore(db).listOfOrder(id), placesOf(lines)),
        timeline: await db('order_timeline').where({ order_id: id }).orderBy('id'),
        ...(await readDeskRefunds(db, order, 'organizer')),
        giftReason: await findReasonOfGift(db, id),
        canTakeBack: isFreeAndStands(order),
        mails: await db('mails')
          .where({ order_id: id })
          .orderBy('created_at')
          .select('subject', 'status', 'created_at'),
        payment: await db('payment_attempts')
          .where({ order_id: id, status: 'paid' })
          .orderBy('n')
          .first('payment_intent_id'),
        terms: termsSections(await createTermsStore(db).findAgreed(id)),
        organizer,
        orderBadge: ORDER_STATUS_BADGES[order.status],
        ...(await readDisputeView(db, config, order)),
      },
    );
  });

  return router;
}

function withQuery(path: string, query: URLSearchParams): string {
  return query.size > 0 ? `${path}?${query}` : path;
}

/** What stands above the columns: pressed once more, a column is sorted the other way round. */
function sortableColumns(search: OrderSearch, hrefFor: (other: { sort: OrderSort }) => string) {
  const now = ORDER_SORTS[search.sort];
  const column = (label: string, first: OrderSort, second: OrderSort) => ({
    label,
    href: hrefFor({ sort: search.sort === first ? second : first }),
    sorted: ORDER_SORTS[first].by === now.by ? (now.descending ? 'descending' : 'ascending') : null,
  });
  return {
    buyer: column('Buyer', 'name', 'name-desc'),
    state: column('State', 'state', 'state-desc'),
    begun: column('Begun', 'newest', 'oldest'),
    amount: column('Amount', 'sum', 'sum-asc'),
  };
}
