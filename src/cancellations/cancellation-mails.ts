import { type Knex } from 'knex';
import { type NewMail } from '../mail/outbox';
import { footerFor, type MailDependencies, readOrderForMail } from '../orders/order-mails';
import { type Order } from '../orders/order';
import { paths } from '../paths';

/** To the buyer and to the organizer: an order was cancelled by its buyer. `amount`: what is on its way back, in words. */
export async function cancellationMails(
  db: Knex,
  dependencies: MailDependencies,
  order: Order,
  { amount, refundId }: { amount: string | null; refundId: string | null },
): Promise<NewMail[]> {
  const { event, organizer, url } = await readOrderForMail(db, dependencies, order);
  const rows = [{ label: 'Order', value: order.reference }];
  const key = refundId ?? order.id;
  return [
    {
      dedupeKey: `cancelled-by-buyer:${key}`,
      template: 'cancelled-by-buyer',
      recipient: order.buyerEmail!,
      orderId: order.id,
      content: {
        subject: `You have cancelled your order for ${event.title}`,
        heading: 'Your order is cancelled',
        paragraphs: [
          `Hello ${order.buyerName}, you have cancelled your tickets for ${event.title}. They let nobody in any more.`,
          amount
            ? `${amount} is on its way back to the way you paid with. We mail you when Stripe has given it back; banks usually take 5 to 10 days to show it.`
            : 'They were free, so there is no money to give back.',
        ],
        rows,
        action: { label: 'See your order', url },
        footer: `${footerFor(order, event.title)} Questions: ${organizer.contact_email}`,
      },
    },
    {
      dedupeKey: `cancelled-by-buyer-organizer:${key}`,
      template: 'cancelled-by-buyer-organizer',
      recipient: organizer.contact_email,
      content: {
        subject: `Order ${order.reference} was cancelled by its buyer: ${event.title}`,
        heading: `Order ${order.reference} was cancelled`,
        paragraphs: [
          amount
            ? `${order.buyerName} has cancelled by your policy. ${amount} goes back to them; when Stripe has given it back, the places are free again. You need not do anything.`
            : `${order.buyerName} has cancelled by your policy. The places are free again. You need not do anything.`,
        ],
        rows,
        action: { label: 'Open the order', url: dependencies.config.baseUrl + paths.deskOrder(order.id) },
        footer: `You get this mail because this is the contact address of ${organizer.name}.`,
      },
    },
  ];
}
