import {
  Badge,
  Box,
  Button,
  ContextView,
  List,
  ListItem,
  PropertyList,
  PropertyListItem,
} from '@stripe/ui-extension-sdk/ui';
import { type PaymentDetails, type Tone } from '../contract';

const BADGES = { green: 'positive', amber: 'warning', red: 'negative', neutral: 'neutral' } as const;

/** The order that a payment paid, as Foyer's desk knows it. */
export function OrderDetails({ details, locale }: { details: PaymentDetails; locale: string }) {
  const { order, buyer, event, tickets, money } = details;
  const checkedIn = tickets.filter((ticket) => ticket.checkedInText !== null).length;
  return (
    <ContextView
      title={`Order ${order.reference}`}
      description={event.title}
      actions={
        <Button type="primary" href={order.url} target="_blank">
          Open the order in Foyer
        </Button>
      }
      externalLink={{ label: 'Open the event in Foyer', href: event.url }}
    >
      <Box css={{ stack: 'y', gap: 'large' }}>
        <PropertyList>
          <PropertyListItem label="Status" value={<ToneBadge {...order.status} />} />
          <PropertyListItem label="Placed" value={inWords(order.placedAt, locale)} />
          <PropertyListItem label="Buyer" value={buyer ? buyer.name : 'Their details were erased'} />
          {buyer && <PropertyListItem label="E-mail" value={buyer.email} />}
          <PropertyListItem label="Event" value={`${event.title}, ${event.startsText}`} />
        </PropertyList>
        <PropertyList>
          <PropertyListItem label="Paid" value={money.paid.text} />
          {money.refunded && <PropertyListItem label="Refunded" value={money.refunded.text} />}
          <PropertyListItem label="Foyer’s fee" value={money.platformFee.text} />
        </PropertyList>
        <Box css={{ stack: 'y', gap: 'small' }}>
          <Box css={{ font: 'subheading' }}>{`Tickets (${checkedIn} of ${tickets.length} checked in)`}</Box>
          <List>
            {tickets.map((ticket, index) => (
              <ListItem
                key={index}
                id={String(index)}
                title={ticket.type}
                secondaryTitle={
                  ticket.checkedInText ? `Checked in ${ticket.checkedInText}` : 'Not checked in'
                }
                value={ticket.status === 'void' ? <Badge type="negative">Void</Badge> : undefined}
              />
            ))}
          </List>
        </Box>
      </Box>
    </ContextView>
  );
}

function ToneBadge({ label, tone }: { label: string; tone: Tone }) {
  return <Badge type={BADGES[tone]}>{label}</Badge>;
}

/** In the reader's own zone, as the Dashboard does around it. */
function inWords(iso: string, locale: string): string {
  return new Date(iso).toLocaleString(locale, { dateStyle: 'medium', timeStyle: 'short' });
}
