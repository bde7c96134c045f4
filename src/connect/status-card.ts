/**
 * How an account is, as a person understands it: what is wrong, what that stops, where to mend it, by when. Pure: the view
 * only sets it.
 */
import { formatDateTime } from '../lib/dates';
import { accountName, type Connection } from './connection';
import { disabledReasonWords, requirementWords } from './requirement-words';

export interface Ask {
  /** "Your identity document" */
  what: string;
  /** Stripe's own words for why it was not accepted */
  problem: string | null;
  late: boolean;
}

export interface StatusCard {
  badge: { kind: 'green' | 'amber' | 'red' | 'neutral'; label: string };
  /** how it is, in one sentence */
  headline: string;
  /** what that stops; null when nothing */
  stops: string | null;
  /** what to do, and by when */
  mend: string | null;
  /** null: nothing can be done at Stripe */
  link: { href: string; label: string } | null;
  asks: Ask[];
  /** shown with an icon and a colour of its own */
  tone: 'good' | 'warning' | 'error' | 'quiet';
  /** may be connected again from here */
  offersReconnect: boolean;
}

const OFF_SALE =
  'Paid tickets of events that use this account are off sale. Free tickets go on, and tickets that were bought stay valid.';

export function statusCard(
  connection: Connection,
  dashboard: string,
  /** the admin's words, where paid sales are paused */
  pauseReason: string | null = null,
): StatusCard {
  const asks = asksOf(connection);
  const link = { href: dashboard, label: 'Open the Stripe Dashboard' };
  const card = (
    fields: Partial<StatusCard> & Pick<StatusCard, 'badge' | 'headline' | 'tone'>,
  ): StatusCard => ({
    stops: null,
    mend: null,
    link: null,
    asks: [],
    offersReconnect: false,
    ...fields,
  });

  if (connection.status === 'disconnected')
    return card({
      badge: { kind: 'neutral', label: 'Disconnected' },
      headline: `${howItEnded(connection)} Foyer can no longer reach it.`,
      stops: `${OFF_SALE} Refunds of its orders are made in its Stripe Dashboard.`,
      mend: 'Connect the same account again, and events and orders of it go on where they were.',
      link,
      tone: 'error',
      offersReconnect: true,
    });
  if (connection.status === 'disconnecting')
    return card({
      badge: { kind: 'amber', label: 'Being disconnected' },
      headline:
        connection.statusDetail === 'controlled'
          ? 'Stripe does not let Foyer end this connection by itself.'
          : 'This account is being disconnected.',
      stops: OFF_SALE,
      mend:
        connection.statusDetail === 'controlled'
          ? 'Take Foyer’s access away in the Stripe Dashboard, under connected applications. Foyer notices by itself.'
          : 'Payments that are under way are settled first; then Foyer gives up its access at Stripe. You need not do anything.',
      link: connection.statusDetail === 'controlled' ? link : null,
      tone: 'warning',
    });
  if (connection.statusDetail === 'access_lost')
    return card({
      badge: { kind: 'red', label: 'Out of reach' },
      headline: 'Stripe no longer gives Foyer access to this account.',
      stops: OFF_SALE,
      mend: 'Connect it again. If somebody took the access away by mistake, nothing is lost.',
      tone: 'error',
      offersReconnect: true,
    });
  if (connection.pausedAt)
    return card({
      badge: { kind: 'amber', label: 'Paused by Foyer' },
      headline: 'An administrator of Foyer has paused your paid sales.',
      stops: OFF_SALE,
      mend: `${pauseReason ? `Reason given: ${sentence(pauseReason)} ` : ''}The mail that you got says whom to ask. The account stays connected.`,
      tone: 'warning',
    });
  if (connection.checkedAt === null)
    return card({
      badge: { kind: 'neutral', label: 'Not known yet' },
      headline: 'Stripe has not said yet how this account is.',
      stops: OFF_SALE,
      mend: 'Ask Stripe again in a moment.',
      tone: 'quiet',
    });
  if (!connection.chargesEnabled) return cannotCharge(connection, card, asks, link);
  if (!connection.payoutsEnabled)
    return card({
      badge: { kind: 'amber', label: 'No payouts' },
      headline: 'This account takes payments, but Stripe does not pay out yet.',
      stops:
        'Nothing on Foyer: tickets are on sale. The money stays in your Stripe balance until payouts are possible.',
      mend: by(connection, asks, 'Give Stripe what it still needs for payouts.'),
      link,
      asks,
      tone: 'warning',
    });
  if (asks.length > 0)
    return card({
      badge: { kind: 'amber', label: 'Stripe asks for details' },
      headline: 'This account takes payments, and Stripe asks for something.',
      stops: 'Nothing so far. If it is not given in time, Stripe may stop payments or payouts.',
      mend: by(connection, asks, 'Give Stripe what it asks for.'),
      link,
      asks,
      tone: 'warning',
    });
  return card({
    badge: { kind: 'green', label: 'Ready to sell' },
    headline: 'This account takes payments, and Stripe pays out.',
    tone: 'good',
  });
}

function cannotCharge(
  connection: Connection,
  card: (fields: Partial<StatusCard> & Pick<StatusCard, 'badge' | 'headline' | 'tone'>) => StatusCard,
  asks: Ask[],
  link: { href: string; label: string },
): StatusCard {
  const reason = connection.requirements.disabledReason;
  const why = disabledReasonWords(reason);
  if (reason?.startsWith('rejected.'))
    return card({
      badge: { kind: 'red', label: 'Closed by Stripe' },
      headline: why!,
      stops: OFF_SALE,
      mend: 'Only Stripe can change that: ask its support from your Dashboard. You can connect another account meanwhile.',
      link,
      tone: 'error',
    });
  if (
    ['under_review', 'requirements.pending_verification', 'listed'].includes(reason ?? '') &&
    asks.length === 0
  )
    return card({
      badge: { kind: 'amber', label: 'Being checked by Stripe' },
      headline: `${why} It takes no payments until then.`,
      stops: OFF_SALE,
      mend: 'You need not do anything now. Paid sales start by themselves when Stripe has finished.',
      link,
      tone: 'warning',
    });
  return card({
    badge: { kind: 'red', label: 'Takes no payments' },
    headline: 'Stripe does not let this account take payments yet.' + (why ? ` ${why}` : ''),
    stops: OFF_SALE,
    mend: `${by(connection, asks, 'Finish what Stripe asks for in your Stripe Dashboard.')} Paid sales start by themselves afterwards.`,
    link,
    asks,
    tone: 'error',
  });
}

/** Late things first; each once, though Stripe asks for day, month and year apart. */
function asksOf({ requirements }: Connection): Ask[] {
  const problems = new Map(requirements.errors.map((error) => [error.requirement, error.reason]));
  const asks = new Map<string, Ask>();
  for (const [names, late] of [
    [requirements.pastDue, true],
    [requirements.currentlyDue, false],
  ] as const) {
    for (const name of names) {
      const what = requirementWords(name);
      const known = asks.get(what);
      if (known) known.problem ??= problems.get(name) ?? null;
      else asks.set(what, { what, problem: problems.get(name) ?? null, late });
    }
  }
  return [...asks.values()];
}

function by({ requirements }: Connection, asks: Ask[], sentence: string): string {
  if (asks.some((ask) => ask.late)) return `${sentence} Some of it is late.`;
  if (requirements.currentDeadline === null) return sentence;
  return `${sentence} It is due by ${formatDateTime(new Date(requirements.currentDeadline * 1000), 'UTC')} UTC.`;
}

/** "Ada's Shop (acct_1) was disconnected by your organizer on 12 March 2027." */
export function howItEnded(connection: Connection): string {
  const by = {
    organizer: 'by your organizer',
    admin: 'by an administrator of Foyer',
    stripe: 'at Stripe',
  }[connection.endedBy ?? 'stripe'];
  const on = connection.endedAt ? ` on ${formatDateTime(connection.endedAt, 'UTC')} UTC` : '';
  const why = connection.endReason ? ` Reason given: ${sentence(connection.endReason)}` : '';
  return `${accountName(connection)} was disconnected ${by}${on}.${why}`;
}

function sentence(words: string): string {
  return /[.!?…]$/.test(words) ? words : `${words}.`;
}
