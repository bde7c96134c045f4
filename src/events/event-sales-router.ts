import { type Request, type Response, Router } from 'express';
import { DateTime } from 'luxon';
import { type Dependencies } from '../dependencies';
import { renderPage } from '../http/views';
import { barChart } from '../lib/bar-chart';
import { loadOrganizer, organizerOf } from '../organizers/current-organizer';
import { eventOfMember } from '../organizers/event-of-member';
import { createTicketTypesStore } from '../ticket-types/ticket-types-store';
import { createDeskEvents } from './desk-events';
import { readSalesByDay, readSalesSteps, type SalesDay } from './event-sales';

/** How an event sells, in pictures and numbers. */
export function eventSalesRouter({ db }: Pick<Dependencies, 'db'>): Router {
  const router = Router();

  router.get('/organizer/events/:id/sales', loadOrganizer(db), async (req: Request, res: Response) => {
    const row = await eventOfMember(db, req);
    const event = { id: row.id, title: row.title, currency: row.currency, timeZone: row.time_zone };
    const days = await readSalesByDay(db, event, new Date());
    const { takenByType } = await createDeskEvents(db).readSales(event.id);
    renderPage(
      req,
      res,
      'events/sales',
      { title: `Sales: ${event.title}`, layout: 'desk', page: { organizer: organizerOf(req) } },
      {
        event,
        days: days.map((day) => ({ ...day, words: wordsOf(day) })).reverse(),
        chart: barChart(
          days.map((day, index) => ({ label: labelOf(day, index, days.length), value: day.tickets })),
          `Tickets sold on each of ${days.length} days; the numbers stand in the table below`,
        ),
        steps: await readSalesSteps(db, event.id),
        types: await createTicketTypesStore(db).listOfEvent(event.id),
        takenByType,
      },
    );
  });

  return router;
}

function wordsOf({ date }: SalesDay): string {
  return DateTime.fromISO(date, { zone: 'UTC' }).setLocale('en-GB').toFormat('ccc d LLL yyyy');
}

/** As many days have their name under them as have room for it. */
function labelOf(day: SalesDay, index: number, count: number): string {
  const every = Math.ceil(count / 10);
  if ((count - 1 - index) % every !== 0) return '';
  return DateTime.fromISO(day.date, { zone: 'UTC' }).setLocale('en-GB').toFormat('d LLL');
}
