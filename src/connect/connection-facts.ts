/** A connection in words, for the organizer's card and the admin's pages alike. */
import { formatDateTime } from '../lib/dates';
import { type Connection, stateOf } from './connection';
import { requirementWords } from './requirement-words';

export const STATE_BADGES = {
  none: { kind: 'neutral', label: 'Not connected' },
  ready: { kind: 'green', label: 'Ready to sell' },
  paused: { kind: 'amber', label: 'Paused by Foyer' },
  restricted: { kind: 'amber', label: 'Needs attention at Stripe' },
  disconnecting: { kind: 'amber', label: 'Being disconnected' },
  disconnected: { kind: 'neutral', label: 'Disconnected' },
} as const;

export function badgeOf(connection: Connection | null): (typeof STATE_BADGES)[keyof typeof STATE_BADGES] {
  return STATE_BADGES[stateOf(connection)];
}

export function connectionFacts(connection: Connection): { term: string; text?: string; lines?: string[] }[] {
  const asked = [...new Set([...connection.requirements.pastDue, ...connection.requirements.currentlyDue])];
  return [
    { term: 'Account', text: connection.stripeUserId },
    { term: 'Mode', text: connection.livemode ? 'Live' : 'Test' },
    { term: 'Takes payments', text: connection.chargesEnabled ? 'Yes' : 'Not yet' },
    { term: 'Pays out', text: connection.payoutsEnabled ? 'Yes' : 'Not yet' },
    {
      term: 'Country and currency',
      text:
        [connection.country, connection.defaultCurrency?.toUpperCase()].filter(Boolean).join(', ') ||
        'Not known yet',
    },
    { term: 'Stripe asks for', lines: asked.length > 0 ? asked.map(requirementWords) : ['Nothing'] },
    { term: 'Connected', text: `${formatDateTime(connection.connectedAt, 'UTC')} UTC` },
    {
      term: 'Stripe last asked',
      text: connection.checkedAt ? `${formatDateTime(connection.checkedAt, 'UTC')} UTC` : 'Not yet',
    },
    ...(connection.endedAt
      ? [
          {
            term: 'Ended',
            text: `${formatDateTime(connection.endedAt, 'UTC')} UTC, by ${connection.endedBy}`,
          },
        ]
      : []),
  ];
}
